//! Visits a site with a name, a picture and an accent of its own in Chromium, wide and narrow, light and dark.

use super::new_browsers::check;
use crate::{layout::own_site::OwnFiles, support::*};

/// The links and buttons of the header that can't be seen whole.
const CUT_OFF: &str = "return [...document.querySelectorAll('.top a, .top button')].filter((element) => { \
    const { left, right } = element.getBoundingClientRect(); return left < 0 || right > innerWidth; \
    }).map((element) => element.textContent.trim())";

#[actix_web::test]
async fn site_of_another_look_fits_and_passes_axe() {
    let files = OwnFiles::new();
    let builder =
        TestApp::builder(Stack::Sqlite).var("SITE_NAME", "Kaleidoskop Club for the Curious of Town");
    let builder = builder.var("SITE_LOGO", files.svg.display()).var("SITE_CSS", files.css.display());
    let links = "Privacy=https://example.org/privacy, Terms=https://example.org/terms";
    let builder = builder.var("SITE_LINKS", links).var("SUPPORT_CONTACT", "help@example.org");
    let app = builder.var("HOME_URL", "/profile").start().await;
    let (ada, _) = app.admin("Ada Lovelace").await;
    for (look, builder) in Browser::looks(&app) {
        let browser = builder.open().await;
        for (path, name) in [("/", "front"), ("/login", "login"), ("/nowhere", "404")] {
            browser.goto(path).await;
            check(&browser, &format!("own-site-{name}-{look}")).await;
        }
        let accent = "return getComputedStyle(document.documentElement).getPropertyValue('--accent')";
        assert_eq!(browser.evaluate(accent).await, "light-dark(#7a1fa2, #d9a6ee)", "{look}");
        let drawn = "return document.querySelector('header img.logo').naturalWidth > 0";
        assert_eq!(browser.evaluate(drawn).await, true, "{look}");
        browser.goto("/login").await;
        browser.fill(&[("email", &ada.email), ("password", PASSWORD)]).await;
        let button = "return getComputedStyle(document.querySelector('main .primary')).backgroundColor";
        let expected = if look.ends_with("dark") { "rgb(217, 166, 238)" } else { "rgb(122, 31, 162)" };
        assert_eq!(browser.evaluate(button).await, expected, "{look}");
        browser.submit("/login").await;
        browser.wait_for_path("/profile").await;
        check(&browser, &format!("own-site-profile-{look}")).await;
        assert_eq!(browser.evaluate(CUT_OFF).await, serde_json::json!([]), "{look}");
        browser.goto("/admin/sessions").await;
        check(&browser, &format!("own-site-sessions-{look}")).await;
    }
}
