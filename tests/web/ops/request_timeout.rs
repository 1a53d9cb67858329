//! Tests `REQUEST_TIMEOUT`: nobody waits for longer, and what was begun is not broken off.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use actix_web::web;

use crate::support::{concurrent::send_form, *};

on_both_stacks!(request_that_takes_too_long_503, |stack| async {
    let app = TestApp::builder(stack)
        .var("REQUEST_TIMEOUT", "1s")
        .routes(|cfg| {
            let forever = || async { std::future::pending::<&'static str>().await };
            cfg.route("/test/forever", web::to(forever));
        })
        .start()
        .await;
    let client = app.client();
    let began = Instant::now();
    let page = client.get("/test/forever").await.expect(503).has("Just a moment");
    assert!((1..10).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(page.header("retry-after"), Some("1"));
    client.post("/test/forever", &[]).await.expect(503).has("may be done all the same");
    let json = client.request(reqwest::Method::GET, "/test/forever").header("accept", "application/json");
    assert_eq!(json.send().await.expect(503).json()["status"], 503);
    client.get("/").await.expect(200);
});

on_both_stacks!(request_that_took_too_long_is_completed, |stack| async {
    let finished = Arc::<AtomicUsize>::default();
    let counted = finished.clone();
    let app = TestApp::builder(stack)
        .var("REQUEST_TIMEOUT", "1s")
        .routes(move |cfg| {
            let finished = counted.clone();
            let slow = move || {
                let finished = finished.clone();
                async move {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    finished.fetch_add(1, SeqCst);
                    "done"
                }
            };
            cfg.route("/test/slow", web::to(slow));
        })
        .start()
        .await;
    app.client().post("/test/slow", &[]).await.expect(503);
    assert_eq!(finished.load(SeqCst), 0);
    eventually(|| async { finished.load(SeqCst) == 1 }).await;
});

on_both_stacks!(change_that_took_too_long_is_done_as_a_whole, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = app.client();
    ada.sign_in(&other).await.expect(303);
    let impatient = app.instance_with(&[("REQUEST_TIMEOUT", "1s")]).await;
    let client = Rc::new(client.at(&impatient));
    let lock = app.lock_sessions();
    let answer = send_form(&client, "/sessions/end-others", &[]);
    answer.await.unwrap().expect(503).has("Look before you send it again");
    lock.commit();
    // On SQLite the lock of the file may have been waited for in vain: then nothing was done.
    if stack == Stack::PostgresRedis {
        eventually(|| async { !signed_in(&other).await }).await;
    }
    let listed = listed_sessions(&client.at(&app)).await;
    assert_eq!(listed.len(), 1 + usize::from(signed_in(&other).await), "the list is the truth");
});

on_both_stacks!(stream_may_be_open_for_longer, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let impatient = app.instance_with(&[("REQUEST_TIMEOUT", "3s")]).await;
    let mut stream = client.at(&impatient).events("/session/events").await;
    // The first comment comes after fifteen seconds.
    stream.comment().await;
    client.post("/logout", &[]).await.to("/");
    stream.wait_for("signed-out", |_| true).await;
});
