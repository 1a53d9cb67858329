//! Tests in Chromium that the windows of one browser share one event stream.

use fantoccini::wd::WindowHandle;

use super::live::{set_hidden, sign_in};
use crate::support::{metrics::Metrics, *};

/// More than the connections that a browser opens to one site over HTTP/1.1.
const WINDOWS: usize = 8;

const ENDED: &str = "You were signed out from another device.";

/// Opens pages, each in a window of its own but the first.
async fn open_windows(browser: &Browser, path: &str, count: usize) -> Vec<WindowHandle> {
    let client = browser.client();
    let mut windows = vec![client.window().await.unwrap()];
    browser.goto(path).await;
    while windows.len() < count {
        let window = client.new_window(false).await.unwrap().handle;
        client.switch_to_window(window.clone()).await.unwrap();
        windows.push(window);
        browser.goto(path).await;
        assert_eq!(browser.evaluate("return document.visibilityState").await, "visible");
    }
    windows
}

async fn switch(browser: &Browser, window: &WindowHandle) {
    browser.client().switch_to_window(window.clone()).await.unwrap();
}

async fn wait_for_streams(app: &TestApp, count: f64) {
    eventually(|| async { Metrics::of(app).await.value("event_streams") == count }).await;
}

/// Ends the browser's session from elsewhere, and waits until each window says so.
async fn assert_end_reaches(browser: &Browser, windows: &[WindowHandle], elsewhere: &Client) {
    elsewhere.post("/sessions/end-others", &[]).await.to("/sessions");
    for window in windows {
        switch(browser, window).await;
        browser.wait_for(ENDED).await;
    }
}

on_both_stacks!(eight_windows_of_a_browser_share_one_stream, |stack| async {
    let app = TestApp::builder(stack).with_ops().start().await;
    let (ada, elsewhere) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    let windows = open_windows(&browser, "/profile", WINDOWS).await;
    wait_for_streams(&app, 1.0).await;
    assert_end_reaches(&browser, &windows, &elsewhere).await;
    wait_for_streams(&app, 0.0).await;
});

#[actix_web::test]
async fn other_windows_go_on_when_the_one_that_reads_is_gone() {
    let app = TestApp::builder(Stack::Sqlite).with_ops().start().await;
    let (ada, elsewhere) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    let windows = open_windows(&browser, "/profile", 4).await;
    wait_for_streams(&app, 1.0).await;
    // The first is closed, the second left, the third hidden.
    switch(&browser, &windows[0]).await;
    browser.client().close_window().await.unwrap();
    switch(&browser, &windows[1]).await;
    browser.goto("/login?next=%2Fhealthz").await;
    switch(&browser, &windows[2]).await;
    set_hidden(&browser, true).await;
    wait_for_streams(&app, 1.0).await;
    elsewhere.post("/sessions/end-others", &[]).await.to("/sessions");
    switch(&browser, &windows[3]).await;
    browser.wait_for(ENDED).await;
    switch(&browser, &windows[2]).await;
    assert!(!browser.text().await.contains(ENDED), "a hidden window follows no stream");
    set_hidden(&browser, false).await;
    browser.wait_for(ENDED).await;
}

#[actix_web::test]
async fn lists_in_two_windows_stay_live_with_one_stream() {
    let app = TestApp::builder(Stack::Sqlite).with_ops().start().await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &grace).await;
    let windows = open_windows(&browser, "/admin/sessions", 3).await;
    wait_for_streams(&app, 1.0).await;
    app.person("Ada Lovelace").await;
    for window in &windows {
        switch(&browser, window).await;
        browser.wait_for("Live").await;
        browser.wait_for("Ada Lovelace").await;
    }
    // The first window reads, and tells the others nothing any more. They find out by the clock.
    switch(&browser, &windows[0]).await;
    browser.evaluate("BroadcastChannel.prototype.postMessage = () => {}").await;
    for window in &windows[1..] {
        switch(&browser, window).await;
        browser.evaluate("const now = Date.now; Date.now = () => now() + 60_000").await;
    }
    app.person("Alan Turing").await;
    for window in &windows {
        switch(&browser, window).await;
        browser.wait_for("Alan Turing").await;
        browser.wait_for("Live").await;
    }
    wait_for_streams(&app, 1.0).await;
}

#[actix_web::test]
async fn windows_of_a_browser_go_on_together_after_a_restart() {
    let mut app = TestApp::builder(Stack::Sqlite).with_ops().start().await;
    let (ada, elsewhere) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    let windows = open_windows(&browser, "/profile", 3).await;
    wait_for_streams(&app, 1.0).await;
    for window in &windows {
        switch(&browser, window).await;
        // Notes what the page hears and, of the one that reads, the pause before it connects again.
        let note = "window.heard = []; const wait = window.setTimeout; \
            window.setTimeout = (task, time, ...rest) => { \
                if (`${task}`.includes('[native code]')) heard.push(time < 500 ? 'short pause' : 'long pause'); \
                return wait(task, time, ...rest); }; \
            for (const name of ['reconnect', 'lost', 'open', 'reload']) \
                document.addEventListener(`live:${name}`, () => heard.push(name));";
        browser.evaluate(note).await;
    }
    app.stop().await;
    let address = app.addr().to_string();
    app.restart_with(&[("LISTEN_ADDR", &address)]).await;
    let mut readers = 0;
    for window in &windows {
        switch(&browser, window).await;
        let heard = eventually(|| async {
            let heard = browser.evaluate("return heard.join()").await.as_str().unwrap_or_default().to_owned();
            heard.ends_with("open,reload").then_some(heard)
        })
        .await;
        assert!(heard.starts_with("reconnect,lost"), "{heard}");
        assert!(!heard.starts_with("reconnect,lost,long pause"), "{heard}");
        readers += usize::from(heard.starts_with("reconnect,lost,short pause"));
    }
    assert_eq!(readers, 1);
    wait_for_streams(&app, 1.0).await;
    assert_end_reaches(&browser, &windows, &elsewhere).await;
}

#[actix_web::test]
async fn windows_without_locks_read_a_stream_each() {
    let app = TestApp::builder(Stack::Sqlite).with_ops().start().await;
    let (ada, elsewhere) = app.person("Ada Lovelace").await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &ada).await;
    let windows = open_windows(&browser, "/profile", 2).await;
    for window in &windows {
        switch(&browser, window).await;
        // Such as with plain http at another name than this machine's own.
        browser.run_first("Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })").await;
        browser.goto("/profile").await;
    }
    wait_for_streams(&app, 2.0).await;
    assert_end_reaches(&browser, &windows, &elsewhere).await;
}
