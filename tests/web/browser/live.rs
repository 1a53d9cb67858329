//! Tests open pages in Chromium that update when sessions change elsewhere.

use fantoccini::Locator;

use crate::support::*;

const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
    Version/18.4 Safari/605.1.15";
const BY_ADMIN: &str = "You were signed out by an administrator: Reported as stolen";

/// Signs in at `/login`.
pub(super) async fn sign_in(browser: &Browser, person: &Person) {
    browser.goto("/login").await;
    browser.fill(&[("email", &person.email), ("password", &person.password)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/profile").await;
}

/// Shows the window to its user, or not.
pub(super) async fn set_hidden(browser: &Browser, hidden: bool) {
    let script = "Object.defineProperty(document, 'hidden', { value: HIDDEN, configurable: true }); \
        document.dispatchEvent(new Event('visibilitychange'))";
    browser.evaluate(&script.replace("HIDDEN", &hidden.to_string())).await;
}

/// Waits until the list shows that its stream is open. On pages without a list only the server knows that.
async fn wait_until_live(browser: &Browser) {
    browser.wait_for("Live").await;
}

on_both_stacks!(open_list_and_page_show_session_end, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let (admin, user_browser) =
        (Browser::open(&app).await, Browser::builder(&app).user_agent(SAFARI).open().await);
    sign_in(&admin, &grace).await;
    admin.goto("/admin/sessions").await;
    wait_until_live(&admin).await;
    admin.wait_for("3 active sessions").await;
    admin.evaluate("window.unloaded = false").await;

    sign_in(&user_browser, &ada).await;
    admin.wait_for("Safari 18 on macOS").await;
    admin.wait_for("4 active sessions").await;
    assert_eq!(admin.evaluate("return window.unloaded").await, false, "the page was not reloaded");

    let id = app.session_in("Safari");
    let ender = app.client();
    grace.sign_in(&ender).await;
    let end = format!("/admin/sessions/{id}/end");
    ender.post(&end, &[("reason", "Reported as stolen")]).await.to("/admin/sessions");
    user_browser.wait_for(BY_ADMIN).await;
    let state = "const main = document.querySelector('main'); const dialog = document.querySelector('dialog[open]'); \
        return [main.closest('[inert]') !== null, dialog.contains(document.activeElement), \
        document.activeElement.getAttribute('href')].join()";
    assert_eq!(user_browser.evaluate(state).await, "true,true,/login?next=%2Fprofile");

    admin.wait_for("Ended by an administrator: Reported as stolen").await;
    let row = format!("return document.getElementById('session-{id}') === null");
    eventually(|| async { admin.evaluate(&row).await == true }).await;
    user_browser.click("Sign in again").await;
    user_browser.wait_for_path("/login?next=%2Fprofile").await;
    user_browser.wait_for(BY_ADMIN).await;
});

#[actix_web::test]
async fn open_page_shows_end_from_other_instance() {
    let one = TestApp::start(Stack::PostgresRedis).await;
    let two = one.second_instance().await;
    let (ada, _) = one.person("Ada Lovelace").await;
    let (_, admin) = one.admin("Grace Hopper").await;
    let user_browser = Browser::builder(&two).user_agent(SAFARI).open().await;
    sign_in(&user_browser, &ada).await;
    let id = one.session_in("Safari");
    let end = format!("/admin/sessions/{id}/end");
    admin.post(&end, &[("reason", "Reported as stolen")]).await.to("/admin/sessions");
    user_browser.wait_for(BY_ADMIN).await;
}

on_both_stacks!(end_notice_without_javascript_at_next_click, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let user_browser = Browser::builder(&app).user_agent(SAFARI).without_javascript().open().await;
    sign_in(&user_browser, &ada).await;
    let id = app.session_in("Safari");
    let end = format!("/admin/sessions/{id}/end");
    admin.post(&end, &[("reason", "Reported as stolen")]).await.to("/admin/sessions");
    user_browser.click("My sessions").await;
    user_browser.wait_for_path("/login?next=%2Fsessions").await;
    user_browser.wait_for(BY_ADMIN).await;
    sign_in(&user_browser, &ada).await;
    assert!(!user_browser.text().await.contains(BY_ADMIN));
});

#[actix_web::test]
async fn open_list_update_keeps_input_and_open_panel() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto("/admin/sessions").await;
    wait_until_live(&admin).await;
    let id = own_session_id(&client).await;
    let summary = admin.client().find(Locator::Css(&format!("#session-{id} summary"))).await.unwrap();
    summary.send_keys("\n").await.unwrap();
    admin.press("\t").await;
    admin.press("Still typ").await;
    for name in ["Alan Turing", "Edsger Dijkstra"] {
        app.person(name).await;
        admin.wait_for(name).await;
    }
    ada.sign_in(&app.client()).await;
    admin.wait_for("6 active sessions").await;
    admin.press("ing").await;
    let typed =
        "return [document.activeElement.value, document.activeElement.closest('details').open].join()";
    assert_eq!(admin.evaluate(typed).await, "Still typing,true");
}

#[actix_web::test]
async fn session_page_shows_end_live() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    let id = own_session_id(&client).await;
    admin.goto(&format!("/admin/sessions/{id}")).await;
    admin.wait_for("Ends in any case").await;
    client.post("/logout", &[]).await.to("/");
    eventually(|| async { !admin.text().await.contains("Ends in any case") }).await;
    let page = admin.text().await;
    assert!(page.contains("Firefox 140 on Linux Ended") && page.contains("Signed out"), "{page}");
}

#[actix_web::test]
async fn logout_shows_no_dialog_on_leaving_page() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    // Simulates a slowly unloading page: the script sends the form while a second stream of the page gets the end event.
    let script_template = "const [form, done] = [document.querySelector('form[action=\"/logout\"]'), arguments[0]]; \
        const told = fetch('/session/events', { headers: { accept: 'text/event-stream' } }) \
            .then((answer) => { sent(); return answer.text(); }); \
        const sent = () => { \
            if (SUBMITTED) form.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })); \
            window.open('', 'other', 'popup'); \
            Object.assign(form, { target: 'other' }).submit(); }; \
        told.then((text) => setTimeout(() => \
            done([text.includes('You signed out.'), document.querySelector('dialog') !== null].join()), 300));";
    let ask = async |submitted: &str| {
        let script = script_template.replace("SUBMITTED", submitted);
        browser.client().execute_async(&script, Vec::new()).await.unwrap()
    };
    assert_eq!(ask("true").await, "true,false");
    sign_in(&browser, &ada).await;
    assert_eq!(ask("false").await, "true,true", "a page in another tab shows the dialog");
}

#[actix_web::test]
async fn session_page_counts_down_remaining_time() {
    let app = TestApp::builder(Stack::Sqlite).var("SESSION_IDLE_TTL", "30m").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto(&format!("/admin/sessions/{}", own_session_id(&client).await)).await;
    let left = "return document.querySelector('[data-countdown]').textContent";
    let first = eventually(|| async {
        let words = admin.evaluate(left).await;
        words.as_str().is_some_and(|words| words.starts_with("in 30 minutes ")).then_some(words)
    });
    let first = first.await;
    eventually(|| async { admin.evaluate(left).await != first }).await;
}

#[actix_web::test]
async fn open_list_reconnects_after_restart() {
    let mut app = TestApp::start(Stack::Sqlite).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto("/admin/sessions").await;
    wait_until_live(&admin).await;
    app.stop().await;
    admin.wait_for("Reconnecting…").await;
    let address = app.addr().to_string();
    app.restart_with(&[("LISTEN_ADDR", &address)]).await;
    app.person("Ada Lovelace").await;
    wait_until_live(&admin).await;
    admin.wait_for("Ada Lovelace").await;
}

#[actix_web::test]
async fn login_link_next_omits_form_result_page() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (grace, elsewhere) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto("/admin/sessions").await;
    admin.click("End all…").await;
    admin.fill(&[("reason", "Drill")]).await;
    admin.click("Preview").await;
    admin.wait_for("1 session of 1 person").await;
    elsewhere.post("/sessions/end-others", &[]).await.to("/sessions");
    admin.wait_for("You were signed out from another device.").await;
    let next = "return document.querySelector('dialog a').getAttribute('href')";
    assert_eq!(admin.evaluate(next).await, "/login?next=%2F");
}

#[actix_web::test]
async fn open_list_adds_and_removes_selection_column() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    app.delete_sessions_but_in("Chrome");
    admin.goto("/admin/sessions").await;
    wait_until_live(&admin).await;
    admin.wait_for("1 active session").await;
    assert!(!admin.text().await.contains("End all"));
    let shape = "const seen = (cell) => cell.offsetWidth > 0; \
        const rows = [...document.querySelectorAll('table.table tr:not(.gone)')].map((row) => [...row.cells].filter(seen)); \
        return rows.map((cells) => cells.length).join()";
    assert_eq!(admin.evaluate(shape).await, "6,6");

    let (_, client) = app.person("Ada Lovelace").await;
    admin.wait_for("Ada Lovelace").await;
    assert_eq!(admin.evaluate(shape).await, "7,7,7");
    admin.wait_for("End all…").await;
    admin.client().find(Locator::Css("[data-tick-all] input")).await.unwrap().click().await.unwrap();
    admin.wait_for("End 1 ticked…").await;
    client.post("/logout", &[]).await.to("/");
    admin.wait_for("1 active session").await;
    eventually(|| async { admin.evaluate(shape).await == "6,6" }).await;
    assert!(!admin.text().await.contains("End all"));
}

#[actix_web::test]
async fn open_list_new_rows_can_be_selected_and_ended() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto("/admin/sessions?role=user").await;
    wait_until_live(&admin).await;
    admin.wait_for("No active session fits").await;
    for name in ["Ada Lovelace", "Alan Turing"] {
        app.person(name).await;
        admin.wait_for(name).await;
    }
    admin.wait_for("End all that match…").await;
    admin.client().find(Locator::Css("[data-tick-all] input")).await.unwrap().click().await.unwrap();
    admin.click("End 2 ticked…").await;
    admin.client().find(Locator::Css("#reason-ticked")).await.unwrap().send_keys("Drill").await.unwrap();
    admin.client().find(Locator::Css("#selection button")).await.unwrap().click().await.unwrap();
    admin.wait_for("2 sessions of 2 people are ticked").await;
}

#[actix_web::test]
async fn open_list_keeps_rows_that_it_has_and_counts_alike() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (grace, _) = app.admin("Grace Hopper").await;
    ada.sign_in(&app.client()).await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto("/admin/sessions?role=user").await;
    wait_until_live(&admin).await;
    admin.evaluate("for (const row of document.querySelectorAll('tbody tr')) row.kept = true").await;
    ada.sign_in(&app.client()).await;
    let rows = "return [...document.querySelectorAll('tbody tr')].map((row) => \
        [row.kept === true, row.querySelector('[data-alike]').textContent].join(' ')).join()";
    eventually(|| async { admin.evaluate(rows).await == "false 3,true 3,true 3" }).await;
}

#[actix_web::test]
async fn overview_updates_live_and_keeps_open_tables() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto("/admin").await;
    let statistics =
        "return [...document.querySelectorAll('.figures dd')].map((figure) => figure.textContent).join()";
    assert_eq!(admin.evaluate(statistics).await, "2,1,1,2,0,0");
    admin.evaluate("window.unloaded = false").await;
    let summary = admin.client().find(Locator::Css("#browsers-title ~ .as-table summary")).await.unwrap();
    summary.send_keys("\n").await.unwrap();

    app.person("Ada Lovelace").await;
    eventually(|| async { admin.evaluate(statistics).await == "3,2,1,3,0,0" }).await;
    let open = "const [details, table] = ['details[open]', '#browsers-table'].map((css) => document.querySelector(css)); \
        return [details.contains(document.activeElement), details.contains(table), \
        table.textContent.includes('Firefox2'), window.unloaded].join()";
    eventually(|| async { admin.evaluate(open).await == "true,true,true,false" }).await;
    let (_, client) = app.person("Alan Turing").await;
    client.post("/logout", &[]).await.to("/");
    eventually(|| async { admin.text().await.contains("Signed out") }).await;
}

#[actix_web::test]
async fn demoted_admin_open_list_is_cleared() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    app.person("Ada Lovelace").await;
    let admin = Browser::open(&app).await;
    for page in ["/admin/sessions", "/admin/users"] {
        app.make_admin(&grace);
        admin.goto("/").await;
        if page == "/admin/sessions" {
            sign_in(&admin, &grace).await;
        }
        admin.goto(page).await;
        admin.wait_for("Ada Lovelace").await;
        app.demote(&grace);
        eventually(|| async { !admin.text().await.contains("Ada Lovelace") }).await;
        assert_eq!(admin.path().await, page);
    }
}

#[actix_web::test]
async fn open_list_retries_failed_fetch() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto("/admin/sessions").await;
    wait_until_live(&admin).await;
    // No other event makes the page fetch, the first fetch fails, and timers are shortened to at most 2.5 s.
    admin
.evaluate(
"const [fetch, wait] = [window.fetch, window.setTimeout]; \
            window.setTimeout = (task, time, ...rest) => wait(task, Math.min(time, 2500), ...rest); \
            window.fetch = (...of) => of[1].headers.accept !== 'text/html' || window.lost ? fetch(...of) \
                : (window.lost = true, Promise.reject(new TypeError('lost'))); \
            for (const name of ['started', 'seen', 'counts', 'open']) \
                document.addEventListener(`live:${name}`, (event) => event.stopImmediatePropagation(), true);",
)
.await;
    app.person("Ada Lovelace").await;
    admin.evaluate("document.dispatchEvent(new CustomEvent('live:reload'))").await;
    eventually(|| async { admin.evaluate("return window.lost").await == true }).await;
    admin.wait_for("Ada Lovelace").await;
}

on_both_stacks!(page_kept_for_back_button_is_empty_and_loaded_again, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    // The session ends while the browser keeps the page.
    let keep = "window.kept = true; dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));";
    browser.evaluate(keep).await;
    assert_eq!(browser.text().await, "");
    client.post("/sessions/end-others", &[]).await.to("/sessions");
    browser.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
    browser.wait_for_path("/login?next=%2Fprofile").await;
    browser.wait_for("You were signed out from another device.").await;
    assert_eq!(browser.evaluate("return window.kept ?? null").await, serde_json::Value::Null);
});

#[actix_web::test]
async fn list_is_not_shown_as_live_after_sleep() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto("/admin/sessions").await;
    wait_until_live(&admin).await;
    // After sleep the clock has gone on, but no timer has run and no connection says that it is dead.
    let sleep = "const status = document.querySelector('[data-live-status]'), now = Date.now; window.said = []; \
        new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true }); \
        const until = now() + 60_000; Date.now = () => now() + 60_000;";
    admin.evaluate(sleep).await;
    eventually(|| async {
        let said = admin.evaluate("return said.join()").await;
        let said = said.as_str().unwrap_or_default().to_owned();
        (said.to_lowercase().contains("not live since") && said.ends_with("Live")).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn list_is_not_shown_as_live_while_redis_is_down() {
    let app = TestApp::builder(Stack::PostgresRedis).through_proxies().start().await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = Browser::open(&app).await;
    sign_in(&admin, &grace).await;
    admin.goto("/admin/sessions").await;
    wait_until_live(&admin).await;
    let stores = app.stores();
    let redis = stores.redis_proxy();
    redis.set(ProxyMode::Refuse);
    redis.reset_connections();
    admin.wait_for("the server does not hear of all changes").await;
    assert_eq!(admin.evaluate("return document.querySelector('.live').dataset.liveStatus").await, "off");
    redis.set(ProxyMode::Pass);
    eventually(|| async {
        admin.evaluate("return document.querySelector('.live').textContent").await == "Live"
    })
    .await;
}

on_both_stacks!(own_list_shows_new_sign_in_and_keeps_focus, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    browser.goto("/sessions").await;
    let focus = "document.querySelector('form[action$=\"/end\"] button').focus(); window.unloaded = false;";
    browser.evaluate(focus).await;
    let second = app.client().user_agent(SAFARI);
    // The page's stream may not be open yet: only the server knows.
    eventually(|| async {
        ada.sign_in(&second).await;
        browser.text().await.contains("Safari 18 on macOS")
    })
    .await;
    let focused = "return [document.activeElement.textContent, window.unloaded].join()";
    let focused = browser.evaluate(focused).await;
    assert!(focused.as_str().unwrap().starts_with("End session on Firefox 140 on Linux"), "{focused}");
    second.post("/logout", &[]).await.to("/");
    first.post("/logout", &[]).await.to("/");
    browser.wait_for("This is the only device where you are signed in.").await;
});

#[actix_web::test]
async fn own_list_is_current_and_unfolded_when_its_window_is_shown_again() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (ada, first) = app.person("Ada Lovelace").await;
    for _ in 0..3 {
        ada.sign_in(&app.client()).await;
    }
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    browser.goto("/sessions").await;
    browser.click("3 more on Firefox 140 on Linux").await;
    set_hidden(&browser, true).await;
    ada.sign_in(&app.client().user_agent(SAFARI)).await;
    set_hidden(&browser, false).await;
    browser.wait_for("Safari 18 on macOS").await;
    let said = "return document.querySelector('[data-own-sessions]').textContent";
    assert_eq!(browser.evaluate(said).await, "The list of your sessions has changed.");
    // Shown once more it is the same list, of which nothing is said.
    set_hidden(&browser, true).await;
    set_hidden(&browser, false).await;
    eventually(|| async { browser.evaluate(said).await == "" }).await;
    let unfolded = "return document.querySelectorAll('details[open] .session').length";
    assert_eq!(browser.evaluate(unfolded).await, 3);
    first.post("/logout", &[]).await.to("/");
    browser.wait_for("2 more on Firefox 140 on Linux").await;
    assert_eq!(browser.evaluate(unfolded).await, 2);
}
