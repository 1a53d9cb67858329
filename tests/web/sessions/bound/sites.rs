//! Tests bound sessions with other hosts: those of `COOKIE_DOMAIN`, which share the session's cookie, and sites with cookies of their own.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    device::{self, *},
    guarded_sites::{self, APP, HOME, SITE_COOKIE, Visitor, ask, handed_over},
    *,
};

const SHARED_COOKIE: &str = "__Secure-gatehouse";
const WELL_KNOWN: &str = "/.well-known/device-bound-sessions";

on_both_stacks!(cookie_domain_binds_the_whole_site, |stack| async {
    let app = device::builder(stack).var("COOKIE_DOMAIN", "example.org").start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let device = Device::new();
    let answer = register(&client, &device.registration(&offer)).await.expect(200);
    let told = answer.json();
    assert_eq!(told["scope"]["origin"], json!("https://example.org"));
    assert_eq!(told["scope"]["include_site"], json!(true));
    assert_eq!(
        told["credentials"],
        json!([{
            "type": "cookie",
            "name": SHARED_BOUND_COOKIE,
            "attributes": "HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.org",
        }])
    );
    let [cookie] = &answer.set_cookies()[..] else { panic!("{}", answer.summary()) };
    assert_eq!(
        (cookie.name.as_str(), cookie.attribute("domain")),
        (SHARED_BOUND_COOKIE, Some("example.org"))
    );
    let id = app.session_of(&ada);
    app.age_binding(&id);
    client.get("/profile").await.expect(200);
    ask(&client, "app.example.org", "/a", "").send().await.expect(200);
    let thief = app.client();
    thief.set_cookie(SHARED_COOKIE, &client.cookie(SHARED_COOKIE).unwrap().value);
    thief.get("/profile").await.to("/login?next=%2Fprofile");
    ask(&thief, "app.example.org", "/a", "").send().await.problem(401);
    // A cookie of the other kind's name is none here.
    thief.set_cookie(BOUND_COOKIE, &client.cookie(SHARED_BOUND_COOKIE).unwrap().value);
    thief.get("/profile").await.to("/login?next=%2Fprofile");
    let known = app.client().get(WELL_KNOWN).await.expect(200);
    assert_eq!(known.header("content-type"), Some("application/json"));
    assert_eq!(known.json(), json!({"registering_origins": [HOME]}));
    // The proxy of the site's main host hands it over, and nothing else.
    let at = |path: &'static str, host: &'static str| {
        let client = app.client();
        async move { client.request(Method::GET, path).header("host", host).send().await.status }
    };
    assert_eq!((at(WELL_KNOWN, "example.org").await, at("/login", "example.org").await), (200, 421));
    assert_eq!(at(WELL_KNOWN, "evil.example").await, 421);
});

on_both_stacks!(deeper_cookie_domain_names_the_sites_main_host, |stack| async {
    let builder = device::builder(stack).var("BASE_URL", "https://login.auth.example.co.uk:8443");
    let app = builder.var("COOKIE_DOMAIN", "auth.example.co.uk").start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let answer = register(&client, &Device::new().registration(&offer)).await.expect(200);
    assert_eq!(answer.json()["scope"]["origin"], json!("https://example.co.uk:8443"));
    let known = app.client().get(WELL_KNOWN).await.expect(200).json();
    assert_eq!(known, json!({"registering_origins": ["https://login.auth.example.co.uk:8443"]}));
});

on_both_stacks!(one_host_registers_for_itself, |stack| async {
    let app = device::builder(stack).start().await;
    app.client().get(WELL_KNOWN).await.expect(404);
    let off = app.instance_with(&[("COOKIE_DOMAIN", "example.org"), ("SESSION_BINDING", "off")]).await;
    off.client().get(WELL_KNOWN).await.expect(404);
});

on_both_stacks!(front_ends_elsewhere_get_a_cookie_like_the_sessions, |stack| async {
    let app = device::builder(stack).var("COOKIE_SAMESITE", "none").start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let answer = register(&client, &Device::new().registration(&offer)).await.expect(200);
    assert_eq!(answer.set_cookies()[0].attribute("samesite"), Some("None"));
    let attributes = answer.json()["credentials"][0]["attributes"].as_str().unwrap().to_owned();
    assert_eq!(attributes, "HttpOnly; SameSite=None; Secure; Path=/");
});

on_both_stacks!(stolen_cookie_gets_no_code_for_another_site, |stack| async {
    let app = guarded_sites::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let answer = ada.register(&client).await;
    let browser = BoundBrowser::of(&app, client, &answer).await;
    let thief = Visitor { here: browser.thief(&app), ..Visitor::new(&app) };
    let page = thief.open(APP, "/x").await.expect(200);
    page.form("/login");
    assert_eq!((thief.cookie(APP), app.site_cookie_count(), app.used_code_count()), (None, 0, 0));
    let there = handed_over(&thief.app, APP, "/.gatehouse/sign-in?next=%2Fx").await.expect(303);
    let asked = thief.here.get(there.location().unwrap()).await.expect(303);
    assert!(asked.location().unwrap().starts_with("/login?next="), "{}", asked.summary());
    // Its own browser becomes known there, and the site's cookie needs no proof: the key is of this host.
    let own = Visitor { here: browser.client.copy(), ..Visitor::new(&app) };
    own.open(APP, "/x").await.expect(200);
    assert!(own.app.cookie(SITE_COOKIE).is_some());
    own.verify(APP).await.expect(200);
    app.forget_confirmations();
    browser.client.post("/logout", &[]).await.to("/");
    own.verify(APP).await.problem(401);
});
