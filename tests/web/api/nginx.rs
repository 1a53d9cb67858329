//! Tests nginx with the file of the documentation before Gatehouse and a site.

use reqwest::Method;

use crate::support::{proxied_site::ProxiedSite, *};

const GET: Method = Method::GET;

/// The headers of this name that arrived at the site, in its answer.
fn arrived(answer: &Answer, name: &str) -> Vec<String> {
    let lines = answer.body.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
}

on_both_stacks!(nginx_leads_visitors_to_sign_in_and_back, |stack| async {
    let site = ProxiedSite::start(stack).await;
    let ada = Person { name: "Ada Zoë".to_owned(), ..Person::new("Ada") };
    ada.register(&site.app.client()).await;
    let browser = site.client();
    let page = site.get(&browser, "/a%20b?x=1&y=2").await.expect(302);
    let next: String =
        url::form_urlencoded::byte_serialize(site.url("app", "/a%20b?x=1&y=2").as_bytes()).collect();
    let login = page.location().unwrap().to_owned();
    assert_eq!(login, site.url("login", &format!("/login?next={next}")));
    let script = site.request(&browser, GET, "app", "/data").header("accept", "*/*").send().await;
    assert_eq!((script.status, script.location()), (401, None));
    let form = site.request(&browser, Method::POST, "app", "/form").form(&[("a", "b")]).send().await;
    assert_eq!((form.status, form.location()), (401, None));
    assert_eq!(site.requests(), 0, "nothing has arrived at the site");

    let page = site.request(&browser, GET, "login", &login).send().await.expect(200);
    assert!(page.header("content-security-policy").unwrap().contains(&site.url("*", "")));
    let form = page.form("/login");
    let fields = form.with(&[("email", &ada.email), ("password", &ada.password), ("remember", "on")]);
    let sent = site.request(&browser, Method::POST, "login", "/login").form(&fields).send().await;
    assert_eq!((sent.status, sent.location()), (303, Some(site.url("app", "/a%20b?x=1&y=2").as_str())));

    // What the client says of itself never arrives; who it is, does.
    let request = site.request(&browser, GET, "app", "/a%20b?x=1&y=2").header("remote-user", "999");
    let request = request.header("remote-email", "root@example.org").header("remote-groups", "admin");
    let page = request.header("remote-name", "Root").send().await.expect(200);
    assert!(page.body.starts_with("GET /a%20b?x=1&y=2 "), "{}", page.body);
    assert_eq!(arrived(&page, "remote-user"), [site.app.user_id(&ada)]);
    assert_eq!(arrived(&page, "remote-name"), ["Ada Zo%C3%AB"]);
    assert_eq!(arrived(&page, "remote-groups"), ["user"]);
    assert_eq!(arrived(&page, "remote-email"), <[String; 0]>::default());
    assert!(new_cookie(&page).is_some_and(|cookie| cookie.max_age().is_some()), "the cookie is renewed");
    site.app.confirm_email(&ada);
    let page = site.get(&browser, "/").await.expect(200);
    assert_eq!(arrived(&page, "remote-email"), [ada.email.as_str()]);
    let form = site.request(&browser, Method::POST, "app", "/form").form(&[("a", "b")]).send().await;
    assert!(form.expect(200).body.starts_with("POST /form "));
});

on_both_stacks!(nginx_blocks_ended_session_at_next_request, |stack| async {
    let mut site = ProxiedSite::start(stack).await;
    let (ada, own) = site.app.person("Ada Lovelace").await;
    let browser = site.client();
    let fields = [("email", ada.email.as_str()), ("password", &ada.password)];
    site.request(&browser, Method::POST, "login", "/login").form(&fields).send().await.expect(303);
    site.get(&browser, "/").await.expect(200);
    let id = site.app.newest_session_of(&ada);
    own.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    let before = site.requests();
    site.get(&browser, "/").await.expect(302);
    // Without Gatehouse nobody is let in, whoever is signed in.
    site.request(&browser, Method::POST, "login", "/login").form(&fields).send().await.expect(303);
    site.app.stop().await;
    site.get(&browser, "/").await.expect(500);
    assert_eq!(site.requests(), before);
});
