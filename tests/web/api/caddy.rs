//! Tests Caddy with the file of the documentation before two instances of Gatehouse and a site.

use reqwest::Method;

use crate::support::{two_instances::TwoInstances, *};

const GET: Method = Method::GET;
const FILE: &str = include_str!("../../../docs/examples/Caddyfile");

/// The headers of this name that arrived at the site, in its answer.
fn arrived(answer: &Answer, name: &str) -> Vec<String> {
    let lines = answer.body.lines().filter_map(|line| line.split_once(": "));
    let named = lines.filter(|(known, value)| known.eq_ignore_ascii_case(name) && !value.is_empty());
    named.map(|(_, value)| value.to_owned()).collect()
}

#[test]
fn caddy_page_shows_the_file() {
    let page = include_str!("../../../docs/caddy.md");
    let (_, blocks) = FILE.split_once("\n\n").unwrap();
    assert!(page.contains(blocks));
}

on_both_stacks!(caddy_leads_visitors_to_sign_in_and_back, |stack| async {
    let site = TwoInstances::behind_caddy(stack, FILE).await;
    let (ada, own) = site.one.person("Ada Lovelace").await;
    let browser = site.client();
    let app = async |path: &str| site.request(&browser, GET, "app", path).send().await;
    let next = url::form_urlencoded::byte_serialize(site.url("app", "/a%20b?x=1&y=2").as_bytes())
        .collect::<String>();
    let page = app("/a%20b?x=1&y=2").await.expect(302);
    assert_eq!(page.location(), Some(site.url("login", &format!("/login?next={next}")).as_str()));
    let script = site.request(&browser, GET, "app", "/data").header("accept", "*/*").send().await;
    assert_eq!((script.status, script.location()), (401, None));
    let form = site.request(&browser, Method::POST, "app", "/form").form(&[("a", "b")]).send().await;
    assert_eq!((form.status, form.location()), (401, None));
    assert_eq!(site.requests(), 0, "nothing has arrived at the site");

    let login = page.location().unwrap().to_owned();
    let page = site.request(&browser, GET, "login", &login).send().await.expect(200);
    let form = page.form("/login");
    let fields = form.with(&[("email", &ada.email), ("password", &ada.password)]);
    let sent = site.request(&browser, Method::POST, "login", "/login").form(&fields).send().await;
    assert_eq!((sent.status, sent.location()), (303, Some(site.url("app", "/a%20b?x=1&y=2").as_str())));

    // What the client says of itself never arrives; who it is, does.
    let request = site.request(&browser, GET, "app", "/a%20b?x=1&y=2").header("remote-user", "999");
    let request = request.header("remote-email", "root@example.org").header("remote-groups", "admin");
    let request = request.header("remote-name", "Root").header("remote-session", "forged");
    let page = request.send().await.expect(200);
    assert!(page.body.starts_with("GET /a%20b?x=1&y=2 "), "{}", page.body);
    assert_eq!(arrived(&page, "remote-user"), [site.one.user_id(&ada)]);
    assert_eq!(arrived(&page, "remote-name"), ["Ada Lovelace"]);
    assert_eq!(arrived(&page, "remote-groups"), ["user"]);
    assert_eq!(arrived(&page, "remote-session"), [site.one.newest_session_of(&ada)]);
    assert_eq!(arrived(&page, "remote-email"), <[String; 0]>::default());
    site.one.confirm_email(&ada);
    assert_eq!(arrived(&app("/").await.expect(200), "remote-email"), [ada.email.as_str()]);

    let id = site.one.newest_session_of(&ada);
    own.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    let before = site.requests();
    app("/").await.expect(302);
    assert_eq!(site.requests(), before);
});

on_both_stacks!(caddy_keeps_people_in_while_one_instance_lives, |stack| async {
    let mut site = TwoInstances::behind_caddy(stack, FILE).await;
    let (ada, _) = site.one.person("Ada Lovelace").await;
    let browser = site.client();
    site.sign_in(&browser, &ada).await;
    let app = async |site: &TwoInstances| site.request(&browser, GET, "app", "/").send().await;
    for _ in 0..4 {
        app(&site).await.expect(200);
    }
    site.two.kill();
    for _ in 0..8 {
        app(&site).await.expect(200);
        site.request(&browser, GET, "login", "/profile").send().await.expect(200).has(&ada.email);
    }
    site.two.restart();
    site.one.stop().await;
    for _ in 0..8 {
        app(&site).await.expect(200);
    }
    // Without Gatehouse nobody is let in.
    site.two.kill();
    let before = site.requests();
    app(&site).await.expect(502);
    assert_eq!(site.requests(), before);
});
