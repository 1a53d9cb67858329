//! Tests an administrator's work in Chromium, with and without JavaScript: find, preview, select and end sessions, and
//! read the charts.

use fantoccini::Locator;
use serde_json::json;

use crate::support::{demo, *};

async fn sign_in(app: &TestApp, email: &str, password: &str, scripts: bool) -> Browser {
    let builder = Browser::builder(app);
    let browser = if scripts { builder.open().await } else { builder.without_javascript().open().await };
    browser.goto("/login").await;
    browser.fill(&[("email", email), ("password", password)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
    browser
}

async fn find_select_and_end_sessions(stack: Stack, scripts: bool) {
    let app = TestApp::start(stack).await;
    let (root, _) = app.admin("Root").await;
    let mut people = Vec::new();
    for name in ["Ada", "Bo", "Cy", "Dee"] {
        people.push(app.person(name).await);
    }
    let admin = sign_in(&app, &root.email, &root.password, scripts).await;

    filter_and_preview(&admin).await;
    select_and_end(&admin, &people, scripts).await;
    end_remaining(&admin).await;
    assert_eq!(people[3].1.get("/profile").await.status, 303);
    read_charts_and_log(&admin).await;
}

/// Filters the list of sessions and previews the end of all that match.
async fn filter_and_preview(admin: &Browser) {
    admin.click("Admin").await;
    admin.wait_for("People signed in").await;
    admin.click("Sessions").await;
    admin.wait_for("6 active sessions").await;
    admin.fill(&[("q", "ada@")]).await;
    admin.click("Filter").await;
    admin.wait_for("1 active session found").await;
    admin.click("More filters").await;
    admin.fill(&[("q", "")]).await;
    for (field, value) in [("#browser", "Firefox"), ("#role", "user")] {
        let choice = admin.client().find(Locator::Css(field)).await.unwrap();
        choice.select_by_value(value).await.unwrap();
    }
    admin.click("Filter").await;
    admin.wait_for("4 active sessions found").await;
    admin.click("Browser: Firefox").await;
    admin.wait_for_path("/admin/sessions?role=user").await;
    admin.click("Bo, session on").await;
    admin.wait_for("Session of Bo").await;
    admin.goto("/admin/sessions?q=cy%40").await;
    admin.wait_for("1 active session found").await;
    admin.goto("/admin/sessions?q=example.org&role=user").await;
    admin.click("End all that match…").await;
    admin.fill(&[("reason", "Moving house")]).await;
    admin.click("Preview").await;
    admin.wait_for("4 sessions of 4 people").await;
    admin.click("Cancel").await;
    admin.wait_for("4 active sessions found").await;
}

/// Selects and ends the sessions of the first two users.
async fn select_and_end(admin: &Browser, people: &[(Person, Client)], scripts: bool) {
    for (person, _) in &people[..2] {
        let row = format!("//tr[contains(., '{}')]//input[@type='checkbox']", person.email);
        admin.client().find(Locator::XPath(&row)).await.unwrap().click().await.unwrap();
    }
    admin.click(if scripts { "End 2 ticked…" } else { "End ticked…" }).await;
    let reason = admin.client().find(Locator::Css("#reason-ticked")).await.unwrap();
    reason.send_keys("Lost phones").await.unwrap();
    let preview = admin.client().find(Locator::Css("#selection button")).await.unwrap();
    preview.click().await.unwrap();
    admin.wait_for("2 sessions of 2 people are ticked").await;
    admin.click("End 2 sessions").await;
    admin.wait_for("2 sessions were ended.").await;
    for (index, status) in [(0, 303), (1, 303), (2, 200), (3, 200)] {
        assert_eq!(people[index].1.get("/profile").await.status, status, "{}", people[index].0.name);
    }
}

/// Ends the remaining sessions of users by a filter.
async fn end_remaining(admin: &Browser) {
    admin.goto("/admin/sessions?role=user").await;
    admin.click("End all that match…").await;
    admin.fill(&[("reason", "Moving house")]).await;
    admin.click("Preview").await;
    admin.wait_for("2 sessions of 2 people").await;
    admin.click("End 2 sessions").await;
    admin.wait_for("2 sessions were ended.").await;
}

/// Asserts that the overview has charts with tables, and that the log has the events.
async fn read_charts_and_log(admin: &Browser) {
    admin.click("Overview").await;
    admin.wait_for("Why sessions ended").await;
    admin.wait_for("Ended by an administrator 4").await;
    let charts = admin.client().find_all(Locator::Css("svg[role=img]")).await.unwrap();
    assert!(charts.len() >= 2, "{}", charts.len());
    for chart in &charts {
        assert!(chart.is_displayed().await.unwrap());
    }
    admin.click("Show as table").await;
    let table = admin.client().find(Locator::Css("details[open] table")).await.unwrap();
    assert!(table.is_displayed().await.unwrap());
    admin.click("Events").await;
    admin.wait_for("Moving house").await;
}

on_both_stacks!(browser_admin_finds_and_ends_sessions_with_javascript, |stack| async {
    find_select_and_end_sessions(stack, true).await;
});

on_both_stacks!(browser_admin_finds_and_ends_sessions_without_javascript, |stack| async {
    find_select_and_end_sessions(stack, false).await;
});

#[actix_web::test]
async fn browser_bulk_end_of_thousands_shows_progress() {
    let app = TestApp::builder(Stack::PostgresRedis).var("SESSION_LIMIT", 0).start().await;
    let password = demo::fill(&app, &["--users", "50", "--sessions", "4000", "--ended", "100"]);
    let admin = sign_in(&app, "admin@example.com", &password, true).await;
    admin.goto("/admin/sessions").await;
    admin.wait_for("More than 1,000 active sessions").await;
    admin.click("End all…").await;
    admin.fill(&[("reason", "Drill")]).await;
    admin.click("Preview").await;
    admin.wait_for("4,000 sessions of").await;
    admin.toggle("everyone").await;
    admin.click("End 4,000 sessions").await;
    admin.wait_for("4,000 sessions were ended.").await;
    assert!(admin.path().await.starts_with("/admin/sessions/ends/"));
    assert_eq!(admin.evaluate(VISIBLE).await, json!(["status"]), "only the result is shown");
    admin.click("Back to the sessions").await;
    admin.wait_for("1 active session").await;
}

/// The lines of progress that are visible, each by its text; the result by its role.
const VISIBLE: &str = "const lines = [...document.querySelectorAll('.progress > div')]; \
    const at = (line) => { const { x, y, width, height } = line.getBoundingClientRect(); \
        return document.elementsFromPoint(x + width / 2, y + height / 2).find((part) => lines.includes(part)); }; \
    return lines.filter((line) => at(line) === line) \
        .map((line) => line.querySelector('[role]')?.role ?? line.innerText.trim());";

on_both_stacks!(progress_page_shows_only_newest_line_while_it_is_sent, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    app.insert_held_bulk_end("held", 12_000, 2_000);
    let browser = Browser::builder(&app).while_loading().open().await;
    browser.goto("/login?next=/admin/sessions/ends/held").await;
    eventually(|| async {
        browser.evaluate("return document.querySelector('[name=email]') !== null").await == true
    })
    .await;
    browser.fill(&[("email", &grace.email), ("password", &grace.password)]).await;
    browser.submit("/login").await;
    browser.wait_for("2,000 of 12,000 sessions ended").await;
    for (ended, text) in [(3_000, "3,000"), (4_000, "4,000")] {
        app.move_bulk_end("held", ended);
        let line = json!([format!("{text} of 12,000 sessions ended")]);
        eventually(|| async { browser.evaluate(VISIBLE).await == line }).await;
    }
    assert_eq!(browser.evaluate("return document.readyState").await, "loading");
    app.finish_bulk_end("held");
    eventually(|| async { browser.evaluate(VISIBLE).await == json!(["status"]) }).await;
    browser.wait_for("4,000 sessions were ended.").await;
});

#[actix_web::test]
async fn phone_ticks_all_and_ends_them_from_bar_in_view() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for _ in 0..30 {
        ada.sign_in(&app.client()).await;
    }
    let phone = Browser::builder(&app).size(375, 800).open().await;
    phone.goto("/login?next=/admin/sessions?q=ada").await;
    phone.fill(&[("email", &grace.email), ("password", &grace.password)]).await;
    phone.submit("/login").await;
    phone.wait_for("31 active sessions found").await;
    let in_view = "scrollTo(0, document.body.scrollHeight); \
        const bar = document.querySelector('.bar').getBoundingClientRect(); \
        return scrollY > 3 * innerHeight && bar.top >= 0 && bar.bottom <= innerHeight;";
    assert_eq!(phone.evaluate(in_view).await, true);
    // Nothing that takes the focus is hidden, and every box is large enough for a thumb.
    let small = "const sizes = [...document.querySelectorAll('.tick label, .tick-all')].filter((box) => box.checkVisibility()) \
        .map((box) => box.getBoundingClientRect()).filter(({ width, height }) => Math.min(width, height) < 44); \
        const hidden = [...document.querySelectorAll('thead input')].filter((box) => box.checkVisibility()); \
        return [sizes.length, hidden.length];";
    assert_eq!(phone.evaluate(small).await, json!([0, 0]));
    phone.click("All on this page").await;
    phone.click("End 31 ticked…").await;
    assert_eq!(phone.evaluate("return scrollY > 3 * innerHeight").await, true, "the button was in view");
    let reason = phone.client().find(Locator::Css("#reason-ticked")).await.unwrap();
    reason.send_keys("Lost phones").await.unwrap();
    phone.client().find(Locator::Css("#selection button")).await.unwrap().click().await.unwrap();
    phone.wait_for("31 sessions of 1 person are ticked").await;
}
