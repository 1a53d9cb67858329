//! Tests in Chromium, behind nginx, that a person comes to sites on other domains, is known there, and is signed out of all of them.

use crate::support::{proxied_site::ProxiedSite, *};

const NAMES: [&str; 3] = ["login.example.org", "app.example.net", "wiki.example.com"];

on_both_stacks!(browser_is_known_at_sites_on_other_domains, |stack| async {
    let site = ProxiedSite::on_other_domains(stack).await;
    let ada = Person::new("Ada Lovelace");
    ada.register(&site.app.client()).await;
    let browser = Browser::builder(&site.app).names(&NAMES).open().await;
    let goto = async |host: &str, path: &str| {
        browser.client().goto(&site.url_at(host, path)).await.unwrap();
    };
    let host = async || browser.client().current_url().await.unwrap().host_str().unwrap().to_owned();

    goto("app.example.net", "/page?x=1&y=2").await;
    assert_eq!(host().await, "login.example.org");
    browser.fill(&[("email", &ada.email), ("password", &ada.password)]).await;
    // The way from the form leads over both hosts, which its content security policy has to allow.
    browser.submit("/login").await;
    browser.wait_for("GET /page?x=1&y=2").await;
    assert_eq!(host().await, "app.example.net");
    browser.wait_for("Remote-Name: Ada Lovelace").await;
    assert_eq!(browser.evaluate("return document.cookie").await, "");
    goto("wiki.example.com", "/w").await;
    browser.wait_for("GET /w").await;

    goto("app.example.net", "/.gatehouse/sign-out").await;
    browser.wait_for("You are signed in as Ada Lovelace").await;
    let rules = "return String(document.styleSheets[0].cssRules.length > 9)";
    assert_eq!(browser.evaluate(rules).await, "true", "the stylesheet is loaded there");
    browser.submit("/.gatehouse/sign-out").await;
    browser.wait_for("You are signed out").await;
    assert_eq!(host().await, "app.example.net");
    for other in ["wiki.example.com", "app.example.net"] {
        goto(other, "/again").await;
        assert_eq!(host().await, "login.example.org");
    }
});
