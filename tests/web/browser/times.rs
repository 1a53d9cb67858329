//! Tests the time zones of times in Chromium: the reader's with scripts, the site's without, UTC for machines.

use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{smtp::SmtpServer, *};

/// Lets the browser's clock be in another zone.
#[derive(Debug)]
struct InZone(&'static str);

impl WebDriverCompatibleCommand for InZone {
    fn endpoint(&self, driver: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        driver.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        let command = json!({ "cmd": "Emulation.setTimezoneOverride", "params": { "timezoneId": self.0 } });
        (Method::POST, Some(command.to_string()))
    }
}

const EXACT: &str = "return [...document.querySelectorAll('time[data-exact]')].map((time) => [time.dateTime, time.textContent])";

on_both_stacks!(times_are_in_the_readers_zone_or_that_of_the_site, |stack| async {
    let app = TestApp::builder(stack).var("SITE_TIMEZONE", "Asia/Kolkata").start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let set = "UPDATE users SET created_at = '2026-07-01 03:00:00', last_login_at = '2026-01-01 03:00:00'";
    for (builder, zone, expected) in [
        (
            Browser::builder(&app).without_javascript(),
            "Europe/Berlin",
            ["1 Jul 2026, 08:30 IST", "1 Jan 2026, 08:30 IST"],
        ),
        (Browser::builder(&app), "Europe/Berlin", ["1 Jul 2026, 05:00 CEST", "1 Jan 2026, 04:00 CET"]),
        (
            Browser::builder(&app),
            "America/New_York",
            ["30 Jun 2026, 23:00 GMT-4", "31 Dec 2025, 22:00 GMT-5"],
        ),
    ] {
        let browser = builder.open().await;
        browser.client().issue_cmd(InZone(zone)).await.unwrap();
        browser.goto("/login").await;
        browser.fill(&[("email", &ada.email), ("password", PASSWORD)]).await;
        browser.submit("/login").await;
        browser.wait_for_path("/profile").await;
        app.run_script(set);
        browser.goto("/profile").await;
        browser.wait_for(expected[0]).await;
        let expected = json!([["2026-07-01T03:00:00Z", expected[0]], ["2026-01-01T03:00:00Z", expected[1]]]);
        assert_eq!(browser.evaluate(EXACT).await, expected, "{zone}");
    }
    let page = client.get("/profile").await.expect(200);
    assert_eq!(page.texts("time[data-exact]")[0], "1 Jul 2026, 08:30 IST");
});

#[actix_web::test]
async fn rows_that_come_later_are_in_the_readers_zone_too() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (ada, _) = app.admin("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    browser.client().issue_cmd(InZone("Asia/Kolkata")).await.unwrap();
    browser.goto("/login?next=/admin/sessions").await;
    browser.fill(&[("email", &ada.email), ("password", PASSWORD)]).await;
    browser.submit("/login").await;
    browser.wait_for("2 active sessions").await;
    browser.wait_for("Live").await;
    app.person("Grace Hopper").await;
    browser.wait_for("Grace Hopper").await;
    let titles = "return [...document.querySelectorAll('table time[title]')].filter((time) => !time.title.endsWith('GMT+5:30')).length";
    assert_eq!(browser.evaluate(titles).await, Value::from(0));
    let all = "return document.querySelectorAll('table time[title]').length";
    assert!(browser.evaluate(all).await.as_i64() >= Some(6));
}

on_both_stacks!(days_are_counted_in_the_readers_zone_or_that_of_the_site, |stack| async {
    let app = TestApp::builder(stack).var("SITE_TIMEZONE", "Asia/Tokyo").start().await;
    let (ada, _) = app.admin("Ada Lovelace").await;
    for at in ["2026-10-24 22:30:00", "2026-10-25 22:30:00", "2026-10-26 02:00:00", "2026-10-26 03:00:00"] {
        app.insert_event(at, "name_changed", "424242", at);
    }
    let named = "return [...document.querySelectorAll('[data-zone]')].map((zone) => zone.textContent)";
    for (builder, zone, counted, found) in [
        (Browser::builder(&app).without_javascript(), "Europe/Berlin", "Asia/Tokyo", "1 event"),
        (Browser::builder(&app), "Europe/Berlin", "Europe/Berlin", "2 events"),
        (Browser::builder(&app), "America/New_York", "America/New_York", "3 events"),
    ] {
        let browser = builder.open().await;
        browser.client().issue_cmd(InZone(zone)).await.unwrap();
        browser.goto("/login?next=/admin").await;
        browser.fill(&[("email", &ada.email), ("password", PASSWORD)]).await;
        browser.submit("/login").await;
        browser.wait_for_path("/admin").await;
        eventually(|| async { browser.evaluate(named).await == json!([counted]) }).await;
        browser.goto("/admin/events?kind=name_changed&from=2026-10-25&to=2026-10-25").await;
        browser.wait_for(found).await;
        assert_eq!(browser.evaluate(named).await, json!([counted]));
    }
});

on_both_stacks!(mail_says_times_in_the_zone_of_the_site, |stack| async {
    let smtp = SmtpServer::start_own();
    let builder = TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "on");
    let app = builder.var("SITE_TIMEZONE", "Asia/Kolkata").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let new = "copper-lantern-17-orchid";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    client.post("/profile/password", &fields).await.to("/profile");
    let mail = smtp.mail_about("was changed").await;
    assert!(
        mail.text.contains(" IST, from the address 127.0.0.1") && !mail.text.contains("UTC"),
        "{}",
        mail.text
    );
});
