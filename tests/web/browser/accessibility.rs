//! axe-core in Chromium finds what it is known to find. The browser tours ask it on every page.

use crate::support::{
    axe::{assert_accessible, violations},
    *,
};

#[actix_web::test]
async fn axe_reports_missing_label_and_low_contrast() {
    let app = TestApp::start(Stack::Sqlite).await;
    let browser = Browser::open(&app).await;
    browser.goto("/login").await;
    assert_accessible(&browser, "the sign-in page").await;
    browser.evaluate("document.querySelector('label[for=email]').remove()").await;
    browser.evaluate("document.querySelector('h1').style.color = '#ccc'").await;
    if let Some(found) = violations(&browser).await {
        let rules: Vec<_> = found.iter().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(rules, ["color-contrast", "label"]);
    }
}
