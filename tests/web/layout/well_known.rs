//! Tests the addresses that programs know of every site.

use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::*;

on_both_stacks!(change_password_address_leads_to_the_form, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let answer = client.get("/.well-known/change-password").await.expect(302);
    assert_eq!(answer.location(), Some("/profile#password"));
    assert_page(&answer);
    let page = client.get("/profile").await.expect(200);
    let forms = page.attributes("#password form", "action");
    assert_eq!(forms, ["/profile/password"]);
});

#[actix_web::test]
async fn security_txt_says_whom_to_tell_and_until_when_it_counts() {
    let unset = TestApp::start(Stack::Sqlite).await;
    unset.client().get("/.well-known/security.txt").await.expect(404);
    let builder = TestApp::builder(Stack::Sqlite).var("BASE_URL", "http://login.example.org");
    let app = builder.var("SECURITY_CONTACT", "https://example.org/report, sec@example.org").start().await;
    let answer = app.client().get("/.well-known/security.txt").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let fields: Vec<_> = answer.body.lines().map(|line| line.split_once(": ").unwrap()).collect();
    let of = |name: &str| {
        fields.iter().filter(|(found, _)| *found == name).map(|(_, value)| *value).collect::<Vec<_>>()
    };
    assert_eq!(of("Contact"), ["https://example.org/report", "mailto:sec@example.org"]);
    assert_eq!(of("Preferred-Languages"), ["en"]);
    assert_eq!(of("Canonical"), ["http://login.example.org/.well-known/security.txt"]);
    // RFC 9116 §2.5.5: less than a year ahead.
    let left = OffsetDateTime::parse(of("Expires")[0], &Rfc3339).unwrap() - OffsetDateTime::now_utc();
    assert!(left > Duration::days(80) && left < Duration::days(365), "{left}");
}

#[actix_web::test]
async fn robots_txt_leaves_the_front_page_alone_to_search_engines() {
    let app = TestApp::start(Stack::Sqlite).await;
    let answer = app.client().get("/robots.txt").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.body.lines().collect::<Vec<_>>(), ["User-agent: *", "Allow: /$", "Disallow: /"]);
}
