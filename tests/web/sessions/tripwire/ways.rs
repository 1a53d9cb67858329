//! Each way in which a stolen key is presented is told of once.

use reqwest::Method;

use super::copies::*;
use crate::support::{
    device::{self, BoundBrowser},
    guarded_sites::SESSION_COOKIE,
    *,
};

on_both_stacks!(stolen_key_of_ended_session_is_told_once, |stack| async {
    let app = builder(stack).start().await;
    let (ada, old) = signed_out(&app, "Ada Lovelace").await;
    let session = app.newest_session_of(&ada);
    let thief = thief(&app, &old);
    for _ in 0..3 {
        is_refused(&thief).await;
        thief.get("/").await.expect(200);
        thief.get("/login").await.expect(200);
        thief.post("/profile", &[("name", "Mallory")]).await.expect(401);
        thief.get("/auth/me").await.expect(401);
    }
    told(&app, 1).await;
    assert_eq!(app.sessions_of_events(USED), std::slice::from_ref(&session));
    assert_eq!(app.details_of_events(USED), ["ended"]);
    assert_eq!(app.event_users(USED), [[Some(app.user_id(&ada)), None]]);
    assert_eq!(app.origins_of_events(USED), [("127.0.0.2".to_owned(), "curl/8".to_owned())]);
    assert!(app.is_key_stolen(&session));
    // From another place it is another event.
    is_refused(&copy(&app, &old, &[SESSION], FURTHER)).await;
    told(&app, 2).await;
});

on_both_stacks!(stolen_key_that_was_replaced_is_told_once, |stack| async {
    let app = builder(stack).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let old = client.copy();
    rotate(&client).await;
    client.get("/profile").await.expect(200);
    // Within seconds it is asked to come again, and is no less stolen.
    let thief = thief(&app, &old);
    thief.get("/profile").await.to("/profile");
    told(&app, 1).await;
    app.set_rotated_ago(30 * 24 * 60 * 60);
    is_refused(&thief).await;
    assert_eq!(app.event_count_of(USED), 1);
    is_refused(&copy(&app, &old, &[SESSION], FURTHER)).await;
    told(&app, 2).await;
    assert_eq!(app.details_of_events(USED), ["rotated", "rotated"]);
    assert!(app.is_key_stolen(&app.session_of(&ada)));
    client.get("/profile").await.expect(200);
});

on_both_stacks!(stolen_key_of_bound_session_is_told_once, |stack| async {
    let app = device::builder(stack).var("TRIPWIRE", "notify").start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let thief = browser.thief(&app).bound_to(ELSEWHERE);
    is_refused(&thief).await;
    is_refused(&thief).await;
    told(&app, 1).await;
    assert_eq!(app.details_of_events(USED), ["unbound"]);
    assert!(app.is_key_stolen(&app.session_of(&ada)));
    assert!(signed_in(&browser.client).await, "its own browser goes on");
    // Whoever says that the proof was skipped is no less somebody else.
    let further = browser.stolen(&app, &[SESSION_COOKIE]).bound_to(FURTHER);
    let skipped = format!("unreachable;session_identifier=\"{}\"", browser.id);
    let asked = further.request(Method::GET, "/profile").header("secure-session-skipped", &skipped);
    asked.send().await.expect(503);
    told(&app, 2).await;
});

on_both_stacks!(stolen_key_of_expired_session_is_told, |stack| async {
    let app = builder(stack).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let session = app.session_of(&ada);
    app.end_in_database(&session, "idle");
    is_refused(&thief(&app, &client)).await;
    told(&app, 1).await;
});

on_both_stacks!(stolen_key_is_known_by_network_or_by_program, |stack| async {
    let app = builder(stack).start().await;
    let (_, elsewhere) = signed_out(&app, "Ada Lovelace").await;
    // The same program in the same network may be the same browser.
    is_refused(&copy(&app, &elsewhere, &[SESSION], [127, 0, 0, 1])).await;
    assert_eq!(app.event_count_of(USED), 0);
    is_refused(&copy(&app, &elsewhere, &[SESSION], ELSEWHERE)).await;
    told(&app, 1).await;
    let (_, other_program) = signed_out(&app, "Grace Hopper").await;
    is_refused(&copy(&app, &other_program, &[SESSION], [127, 0, 0, 1]).user_agent(CHROME)).await;
    told(&app, 2).await;
    // All cookies were copied, into another browser.
    let (_, all) = signed_out(&app, "Alan Turing").await;
    is_refused(&copy(&app, &all, &[SESSION, BROWSER], [127, 0, 0, 1]).user_agent(CHROME)).await;
    told(&app, 3).await;
    // The cookie of a browser that another person has signed in with is none of this one's.
    let (_, own) = signed_out(&app, "Charles Babbage").await;
    let mixed = copy(&app, &own, &[SESSION], ELSEWHERE);
    mixed.set_cookie(BROWSER, &all.cookie(BROWSER).unwrap().value);
    is_refused(&mixed).await;
    told(&app, 4).await;
});

on_both_stacks!(stolen_token_is_told_of_by_its_program_alone, |stack| async {
    let app = builder(stack).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let token = ada.take_token(&app).await;
    let app_of_ada = app.client();
    app_of_ada.with_token(Method::POST, "/auth/logout", &token).send().await.expect(204);
    // Apps move between networks and have no cookie that tells.
    assert_eq!(app.client().bound_to(ELSEWHERE).status_of(&token).await, 401);
    assert_eq!(app.event_count_of(USED), 0);
    assert_eq!(app.client().user_agent("curl/8").status_of(&token).await, 401);
    told(&app, 1).await;
});

on_both_stacks!(stolen_key_at_a_proxy_is_told_of_by_its_program_alone, |stack| async {
    let app = builder(stack).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    // Hosts beside this one don't get the cookie by which a browser is known.
    copy(&app, &old, &[SESSION], ELSEWHERE).get("/auth/verify").await.expect(401);
    assert_eq!(app.event_count_of(USED), 0);
    thief(&app, &old).get("/auth/verify").await.expect(401);
    told(&app, 1).await;
});

on_both_stacks!(stolen_key_at_a_proxy_first_is_told_of_at_the_next_page, |stack| async {
    let app = builder(stack).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    let same_program = copy(&app, &old, &[SESSION], ELSEWHERE);
    same_program.get("/auth/verify").await.expect(401);
    is_refused(&same_program).await;
    told(&app, 1).await;
});

on_both_stacks!(stolen_key_beside_a_key_of_ones_own_is_told, |stack| async {
    let app = builder(stack).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    let (mallory, client) = app.person("Mallory Malone").await;
    let value = |client: &Client| client.cookie(SESSION).unwrap().value;
    let both = format!("{SESSION}={}; {SESSION}={}", value(&old), value(&client));
    let thief = app.client().bound_to(ELSEWHERE).user_agent("curl/8");
    let page = thief.request(Method::GET, "/profile").header("cookie", &both).send().await.expect(200);
    page.has(&mallory.name);
    told(&app, 1).await;
});

on_both_stacks!(stolen_key_of_bound_session_beside_a_key_of_ones_own_is_told, |stack| async {
    let app = device::builder(stack).var("TRIPWIRE", "notify").start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let (mallory, client) = app.person("Mallory Malone").await;
    let value = |client: &Client| client.cookie(SESSION_COOKIE).unwrap().value;
    let both = format!("{SESSION_COOKIE}={}; {SESSION_COOKIE}={}", value(&browser.client), value(&client));
    let thief = app.client().bound_to(ELSEWHERE).user_agent("curl/8");
    let page = thief.request(Method::GET, "/profile").header("cookie", &both).send().await.expect(200);
    page.has(&mallory.name);
    told(&app, 1).await;
});

on_both_stacks!(replaced_keys_are_kept_as_long_as_ended_sessions, |stack| async {
    let mut app = builder(stack).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for _ in 0..120 {
        rotate(&client).await;
    }
    assert_eq!(app.rotated_key_count(), 100, "of each session the newest");
    app.restart_with(&[("SESSION_HISTORY", "1h")]).await;
    app.set_rotated_ago(30 * 60);
    let (_, old) = signed_out(&app, "Grace Hopper").await;
    assert_eq!(app.rotated_key_count(), 100);
    app.set_rotated_ago(2 * 60 * 60);
    app.restart().await;
    eventually(|| async { app.rotated_key_count() == 0 }).await;
    client.get("/profile").await.expect(200).has(&ada.name);
    drop(old);
});

on_both_stacks!(replaced_keys_go_with_their_account, |stack| async {
    let app = builder(stack).start().await;
    let (_, _admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    rotate(&client).await;
    assert!(app.rotated_key_count() > 0);
    client.post("/profile/delete", &[("current_password", &ada.password)]).await.to("/");
    assert_eq!(app.rotated_key_count(), 0);
});
