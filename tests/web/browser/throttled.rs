//! What somebody sees in Chromium who has tried too many passwords, wide and narrow, light and dark.

use super::new_browsers::check;
use crate::support::{throttling, *};

#[actix_web::test]
async fn page_of_too_many_tries_fits_and_passes_axe() {
    let app = throttling::start(Stack::Sqlite).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    throttling::guess(&app.client(), &ada.email, 6).await;
    for (variant, builder) in Browser::looks(&app) {
        let browser = builder.open().await;
        app.set_failures_of("account", 100);
        browser.goto("/login").await;
        browser.fill(&[("email", &ada.email), ("password", PASSWORD)]).await;
        browser.submit("/login").await;
        browser.wait_for("There were too many wrong passwords").await;
        check(&browser, &format!("429-{variant}")).await;
    }
}
