//! `TRIPWIRE`: what ends when a stolen key is presented, and what does not.

use super::copies::*;
use crate::support::{
    device::{self, BoundBrowser},
    metrics::Metrics,
    *,
};

const SENTENCE: &str =
    "You were signed out everywhere because somebody else has used a copy of a session of yours.";

on_both_stacks!(stolen_key_ends_all_sessions_of_its_person, |stack| async {
    let app = builder(stack).var("TRIPWIRE", "end").with_ops().start().await;
    let (ada, old) = signed_out(&app, "Ada Lovelace").await;
    let (laptop, phone) = (app.client(), app.client());
    ada.sign_in(&laptop).await;
    ada.sign_in_remembered(&phone).await;
    let (_, grace) = app.person("Grace Hopper").await;
    let page = laptop.events("/session/events").await;
    let thief = thief(&app, &old);
    is_refused(&thief).await;
    eventually(|| async { app.active_sessions_of(&ada).is_empty() }).await;
    told(&app, 1).await;
    assert_eq!(app.end_reasons_of(&ada), ["logout", "stolen_key", "stolen_key"]);
    assert_eq!(page.end().await[0].1["reason"], "stolen_key");
    for client in [&laptop, &phone] {
        is_refused(client).await;
        assert_page(&client.get("/login").await.expect(200).has(SENTENCE));
    }
    is_refused(&thief).await;
    eventually(|| async { app.pending_deletions().is_empty() }).await;
    // They have ended here, and not only by what looks after open pages and the store.
    let ended = "sessions_ended_total{reason=\"stolen_key\"}";
    eventually(|| async { Metrics::of(&app).await.value(ended) == 2.0 }).await;
    grace.get("/profile").await.expect(200);

    // The old key is known now: it ends no session that has begun since.
    ada.sign_in(&laptop).await;
    let further = copy(&app, &old, &[SESSION], FURTHER);
    is_refused(&further).await;
    told(&app, 2).await;
    laptop.get("/profile").await.expect(200);
    // Nor do the sessions that have ended with it raise another alarm in their own browser.
    is_refused(&phone.bound_to(ELSEWHERE)).await;
    assert_eq!(app.event_count_of(USED), 2);
});

on_both_stacks!(stolen_key_of_bound_session_ends_it, |stack| async {
    let app = device::builder(stack).var("TRIPWIRE", "end").start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    is_refused(&browser.thief(&app).bound_to(ELSEWHERE)).await;
    eventually(|| async { app.active_sessions_of(&ada).is_empty() }).await;
    assert_eq!(app.end_reason(&browser.id).as_deref(), Some("stolen_key"));
    is_refused(&browser.client).await;
});

on_both_stacks!(stolen_key_ends_nothing_by_default, |stack| async {
    let app = builder(stack).start().await;
    let (ada, old) = signed_out(&app, "Ada Lovelace").await;
    let laptop = app.client();
    ada.sign_in(&laptop).await;
    is_refused(&thief(&app, &old)).await;
    told(&app, 1).await;
    laptop.get("/profile").await.expect(200);
    assert_eq!(app.end_reasons_of(&ada), ["logout"]);
});

on_both_stacks!(stolen_key_is_not_looked_at_when_off, |stack| async {
    let app = builder(stack).var("TRIPWIRE", "off").start().await;
    let (ada, old) = signed_out(&app, "Ada Lovelace").await;
    is_refused(&thief(&app, &old)).await;
    assert_eq!(app.event_count_of(USED), 0);
    assert!(!app.is_key_stolen(&app.newest_session_of(&ada)));
});
