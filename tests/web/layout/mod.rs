//! Tests the front page, and the page for members that stands beside it as an example.

mod compression;
mod icons;
pub mod own_site;
mod well_known;

use crate::support::*;

on_both_stacks!(members_page_is_for_people_who_are_signed_in, |stack| async {
    let app = TestApp::start(stack).await;
    let visitor = app.client();
    let front = visitor.get("/").await.expect(200).has("You are not signed in.");
    assert!(!front.body.contains("/members"), "{}", front.body);
    visitor.get("/members").await.to("/login?next=%2Fmembers");
    let (ada, client) = app.person("Ada Lovelace").await;
    let form = visitor.get("/login?next=%2Fmembers").await.expect(200).form("/login");
    let credentials = [("email", &*ada.email), ("password", PASSWORD)];
    visitor.post("/login", &form.with(&credentials)).await.to("/members");

    let front = client.get("/").await.expect(200);
    assert!(front.body.contains("href=\"/members\""), "{}", front.body);
    let page = client.get("/members").await.expect(200).has("For members").has(&ada.name).lacks("PAGES_DIR");
    assert_page(&page);
    assert!(!page.body.contains("/pages/"), "there are none");
    let (_, admin) = app.admin("Grace Hopper").await;
    assert_page(&admin.get("/members").await.expect(200).has("PAGES_DIR"));
    client.post("/logout", &[]).await.to("/");
    client.get("/members").await.to("/login?next=%2Fmembers");
});

on_both_stacks!(front_page_leads_to_the_operators_pages, |stack| async {
    let pages = tempfile::TempDir::new().unwrap();
    std::fs::write(pages.path().join("index.html"), "<p>Hello").unwrap();
    let app = TestApp::builder(stack).var("PAGES_DIR", pages.path().display()).start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    for path in ["/", "/members"] {
        let page = client.get(path).await.expect(200);
        assert!(page.body.contains("href=\"/pages/\""), "{path}: {}", page.body);
    }
});
