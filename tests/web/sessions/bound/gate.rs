//! Tests what a bound session needs: a cookie of it that counts. Without one nobody is signed in, and the session stays as it is.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    device::{self, *},
    forged_cookies::bound_cookie,
    guarded_sites::{SESSION_COOKIE, ask},
    *,
};

fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Asserts that nobody is signed in, wherever that is asked.
async fn assert_refused(thief: &Client, name: &str) {
    thief.get("/profile").await.to("/login?next=%2Fprofile").lacks(name);
    let page = thief.get("/login?next=%2Fprofile").await.expect(200).lacks(name);
    assert_page(&page.has("This browser did not show that it is the one in which you signed in"));
    thief.get("/").await.expect(200).lacks(name);
    let problem = thief.call(Method::GET, "/auth/me").send().await.problem(401);
    assert!(problem["detail"].as_str().unwrap().contains("This browser did not show"), "{problem}");
    let session = thief.call(Method::GET, "/auth/session").send().await.expect(200).json();
    assert_eq!(session["user"], json!(null), "{session}");
    let form = thief.post("/profile", &[("name", "Mallory")]).await.expect(401).lacks(name);
    assert_page(&form.has("Sign in first"));
    let stream = thief.request(Method::GET, "/session/events").header("accept", "text/event-stream");
    stream.send().await.problem(401);
    thief.call(Method::POST, "/auth/rotate-session").send().await.problem(401);
    thief.get("/pages/x").await.to("/login?next=%2Fpages%2Fx");
}

on_both_stacks!(bound_session_needs_its_cookie, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    browser.client.get("/profile").await.expect(200);
    let (entries, key) = (app.store_entries(), browser.client.cookie(SESSION_COOKIE).unwrap().value);
    app.set_session_time(&browser.id, SessionTime::LastSeen, "2026-01-01 00:00:00");
    let thief = browser.thief(&app);
    assert_refused(&thief, &ada.name).await;
    assert_eq!(thief.cookie(SESSION_COOKIE).unwrap().value, key, "no new key");
    assert_eq!(app.store_entries(), entries);
    assert!(!app.was_seen_again(&browser.id));
    assert_eq!(app.end_reason(&browser.id), None);
    // The thief had both, and they were good for a while.
    let copy = browser.stolen(&app, &[SESSION_COOKIE, BOUND_COOKIE]);
    copy.get("/profile").await.expect(200);
    browser.client.get("/profile").await.expect(200);
});

on_both_stacks!(bound_cookie_counts_until_it_expires, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let thief = browser.thief(&app);
    thief.set_cookie(BOUND_COOKIE, &bound_cookie(&browser.id, unix_now() + 60));
    thief.get("/profile").await.expect(200);
    thief.set_cookie(BOUND_COOKIE, &bound_cookie(&browser.id, unix_now() - 1));
    let page = thief.get("/profile").await.expect(303);
    let removed = |cookie: &str| cookie.starts_with(&format!("{BOUND_COOKIE}=;"));
    let set: Vec<&str> =
        page.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    assert!(set.iter().any(|line| removed(line) && line.contains("Max-Age=0")), "{set:?}");
    assert_eq!(thief.cookie(BOUND_COOKIE), None, "without it a browser proves its key first");
    thief.set_cookie(BOUND_COOKIE, &bound_cookie(&browser.id, unix_now() - 1));
    assert_refused(&thief, &ada.name).await;
});

on_both_stacks!(bound_cookie_of_another_session_is_none, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let (_, mallory) = BoundBrowser::of_person(&app, "Mallory Malone").await;
    let own = mallory.bound_cookie().unwrap().value;
    let thief = browser.thief(&app);
    let good = browser.bound_cookie().unwrap().value;
    let signature = good.rsplit_once('.').unwrap().1;
    for value in [
        own.clone(),
        own.replace(&mallory.id, &browser.id),
        good[..good.len() - 1].to_owned(),
        format!("{}.{}.{signature}", browser.id, unix_now() + 86_400),
        format!("{}.{}.", browser.id, unix_now() + 86_400),
        browser.id.clone(),
    ] {
        thief.set_cookie(BOUND_COOKIE, &value);
        assert!(!signed_in(&thief).await, "{value}");
    }
    assert_refused(&thief, &ada.name).await;
    mallory.client.get("/profile").await.expect(200);
});

on_both_stacks!(moment_after_the_first_proof_needs_no_cookie, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let early = client.copy();
    let (device, id) = (Device::new(), app.session_of(&ada));
    let (challenge, _) =
        challenge_in(&register(&client, &device.registration(&offer)).await.expect(200)).unwrap();
    refresh(&client, &id, Some(&device.proof(&challenge))).await.expect(200);
    assert!(app.is_bound(&id));
    early.get("/profile").await.expect(200);
    app.age_binding(&id);
    early.get("/profile").await.to("/login?next=%2Fprofile");
    client.get("/profile").await.expect(200);
});

on_both_stacks!(skipped_proof_is_503_and_no_sign_out, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let client = browser.without_proof(&app);
    let id = &browser.id;
    for skipped in [
        format!("server_error;session_identifier=\"{id}\""),
        format!("unreachable; session_identifier={id}"),
        format!("quota_exceeded;session_identifier=\"other\", unreachable;session_identifier=\"{id}\""),
    ] {
        for path in ["/profile", "/auth/me", "/auth/session", "/auth/verify", "/session/events"] {
            let asked = client.request(Method::GET, path).header("secure-session-skipped", &skipped);
            let answer = asked.send().await.expect(503).lacks(&ada.name);
            assert!(answer.header("retry-after").is_some(), "{path}");
            assert!(answer.set_cookies().iter().all(|cookie| cookie.name != SESSION_COOKIE));
        }
        let form = client.request(Method::POST, "/profile").header("secure-session-skipped", &skipped);
        let page = form.form(&[("name", "Mallory")]).send().await.expect(503);
        assert_page(&page.has("Your browser could not show just now"));
    }
    let other = client.request(Method::GET, "/profile");
    let other = other.header("secure-session-skipped", "server_error;session_identifier=\"other\"");
    other.send().await.to("/login?next=%2Fprofile");
    // With a proof nobody asks what was skipped.
    let proven = browser.client.request(Method::GET, "/profile");
    proven
        .header("secure-session-skipped", &format!("unreachable;session_identifier={id}"))
        .send()
        .await
        .expect(200);
});

on_both_stacks!(proxy_lets_nobody_pass_with_a_stolen_cookie, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    browser.client.get("/auth/verify").await.expect(200);
    let thief = browser.thief(&app);
    let refused = thief.get("/auth/verify").await;
    assert_eq!((refused.header("remote-user"), refused.set_cookies().len()), (None, 0));
    refused.problem(401);
    ask(&thief, "login.example.org", "/a", "?redirect=1").send().await.expect(302);
});

on_both_stacks!(sign_out_ends_a_session_without_its_proof, |stack| async {
    let app = device::builder(stack).start().await;
    for path in ["/logout", "/auth/logout"] {
        let name = if path == "/logout" { "Ada Lovelace" } else { "Grace Hopper" };
        let (_, browser) = BoundBrowser::of_person(&app, name).await;
        let client = browser.without_proof(&app);
        let answer = client.post(path, &[]).await.lacks(name);
        assert!(matches!(answer.status, 303 | 204), "{}", answer.summary());
        assert_eq!(app.end_reason(&browser.id).as_deref(), Some("logout"));
        assert!(!signed_in(&browser.client).await);
        assert_eq!(client.cookie(SESSION_COOKIE), None);
        let answer = browser.send(Some(&browser.proof())).await.expect(200);
        assert_eq!(answer.json(), json!({"session_identifier": browser.id, "continue": false}));
    }
    let (_, browser) = BoundBrowser::of_person(&app, "Katherine Johnson").await;
    let skipped = format!("server_error;session_identifier=\"{}\"", browser.id);
    let client = browser.without_proof(&app);
    let request = client.request(Method::POST, "/logout").header("secure-session-skipped", &skipped);
    request.form(&[]).send().await.to("/");
    assert_eq!(app.end_reason(&browser.id).as_deref(), Some("logout"));
});

on_both_stacks!(form_of_another_session_names_nobody_without_proof, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let thief = browser.thief(&app);
    for path in ["/logout", "/login", "/profile"] {
        let fields = [("for_session", "aaaaaaaaaaaaaaaaaaaaaa"), ("email", "x"), ("password", "x")];
        thief.post(path, &fields).await.lacks(&ada.name).lacks(&ada.email);
    }
});

on_both_stacks!(sign_in_replaces_the_session_without_its_proof, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let client = browser.without_proof(&app);
    let answer = ada.sign_in(&client).await;
    assert!(Offer::of(&answer).is_some());
    assert_eq!(app.end_reason(&browser.id).as_deref(), Some("replaced"));
    assert!(!signed_in(&browser.client).await);
    client.get("/profile").await.expect(200);
    let again = BoundBrowser::of(&app, client, &answer).await;
    again.client.get("/profile").await.expect(200);
    assert_eq!(listed_sessions(&again.client).await, std::slice::from_ref(&again.id));
});

on_both_stacks!(rotation_and_new_password_keep_the_binding, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let before = browser.client.cookie(SESSION_COOKIE).unwrap().value;
    browser.client.call(Method::POST, "/auth/rotate-session").send().await.expect(200);
    assert_ne!(browser.client.cookie(SESSION_COOKIE).unwrap().value, before);
    assert!(!signed_in(&browser.thief(&app)).await);
    browser.renew().await;
    let password = "umbrella-trout-58-canyon";
    let fields = [
        ("current_password", ada.password.as_str()),
        ("password", password),
        ("password_confirmation", password),
    ];
    browser.client.post("/profile/password", &fields).await.to("/profile");
    browser.client.get("/profile").await.expect(200);
    assert!(!signed_in(&browser.thief(&app)).await);
    browser.renew().await;
    assert_eq!(browser.client.get("/profile").await.status, 200);
    assert!(app.is_bound(&browser.id));
});

on_both_stacks!(live_session_is_chosen_among_cookies_by_its_proof, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let (grace, other) = app.person("Grace Hopper").await;
    let value = |client: &Client| client.cookie(SESSION_COOKIE).unwrap().value;
    let both = format!("{SESSION_COOKIE}={}; {SESSION_COOKIE}={}", value(&browser.client), value(&other));
    let request = app.client();
    request
        .request(Method::GET, "/profile")
        .header("cookie", &both)
        .send()
        .await
        .expect(200)
        .has(&grace.name);
    let proven = format!("{both}; {BOUND_COOKIE}={}", browser.bound_cookie().unwrap().value);
    let page = request.request(Method::GET, "/profile").header("cookie", &proven).send().await.expect(200);
    page.has("Ada Lovelace");
});

on_both_stacks!(bearer_of_a_bound_session_needs_the_proof_too, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    // A token's own session is never bound. One that somehow were is not let in by its token alone.
    let token = ada.take_token(&app).await;
    assert_eq!(app.client().status_of(&token).await, 200);
    let id = app.newest_session_of(&ada);
    app.age_binding(&id);
    assert_eq!(app.client().status_of(&token).await, 401);
});

#[actix_web::test]
async fn unproven_requests_prolong_nothing_in_redis() {
    let app = device::builder(Stack::PostgresRedis).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let key = app.redis_key_of(&browser.id);
    app.expire_session_soon(&browser.id);
    app.redis().command::<i64>(&["PEXPIRE", &key, "100000"]);
    browser.thief(&app).get("/profile").await.expect(303);
    let left = app.redis().pttl(&key);
    assert!(left > 0 && left <= 100_000, "{left} ms");
    browser.client.get("/profile").await.expect(200);
    let left = app.redis().pttl(&key);
    assert!(left > 1_000_000, "{left} ms");
}

on_linked_backends!(bound_session_is_so_on_every_instance, |backend| async {
    let app = device::builder_on(backend).start().await;
    let second = app.second_instance().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    browser.client.at(&second).get("/profile").await.expect(200);
    browser.thief(&app).at(&second).get("/profile").await.expect(303);
    let proof = browser.proof();
    let there = browser.client.at(&second);
    refresh(&there, &browser.id, Some(&proof)).await.expect(200);
    there.get("/profile").await.expect(200);
    refresh(&browser.client, &browser.id, Some(&proof)).await.problem(403);
    browser.client.set_cookie(BOUND_COOKIE, &there.cookie(BOUND_COOKIE).unwrap().value);
    browser.client.get("/profile").await.expect(200);
});
