//! Tests how a browser proves that it has the key of its session: each challenge once, and with the statuses that browsers go by.

use std::rc::Rc;

use reqwest::Method;
use serde_json::json;

use crate::support::{
    device::{self, *},
    guarded_sites::SESSION_COOKIE,
    metrics::Metrics,
    *,
};

on_both_stacks!(refresh_renews_the_cookie, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let before = app.binding_of(&browser.id);
    let answer = browser.send(Some(&browser.proof())).await.expect(200);
    assert_eq!(answer.json()["session_identifier"], json!(browser.id));
    let [cookie] = &answer.set_cookies()[..] else { panic!("{}", answer.summary()) };
    assert_eq!((cookie.name.as_str(), cookie.max_age()), (BOUND_COOKIE, Some(600)));
    assert_ne!(app.binding_of(&browser.id), before);
    for _ in 0..5 {
        browser.renew().await;
    }
    browser.client.get("/profile").await.expect(200);
});

on_both_stacks!(refresh_without_a_challenge_is_given_one, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let before = app.binding_of(&browser.id);
    let answer = browser.send(None).await;
    answer.problem(403);
    assert!(answer.set_cookies().is_empty());
    assert!(challenge_in(&answer).is_some());
    assert_eq!(app.binding_of(&browser.id), before);
    browser.renew().await;
    let quoted = by_browser(&browser.client, "/session/refresh")
        .header("sec-secure-session-id", &format!("\"{}\"", browser.id));
    let answer = quoted.header("secure-session-response", &format!("\"{}\"", browser.proof())).send().await;
    answer.expect(200);
});

on_both_stacks!(refresh_takes_each_challenge_once, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let proof = browser.proof();
    browser.send(Some(&proof)).await.expect(200);
    let before = app.binding_of(&browser.id);
    let answer = browser.send(Some(&proof)).await;
    assert!(challenge_in(&answer).is_some() && answer.set_cookies().is_empty());
    answer.problem(403);
    assert_eq!(app.binding_of(&browser.id), before);
    // An older one that was not used is void as well once a newer one was.
    let older = challenge_in(&browser.send(None).await).unwrap().0;
    browser.send(None).await.problem(403);
    browser.renew().await;
    browser.send(Some(&browser.device.proof(&older))).await.problem(403);
    browser.renew().await;
});

on_all_backends!(refresh_race_takes_a_challenge_once, |backend| async {
    let app = device::builder_on(backend).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let (proof, client) = (Rc::new(browser.proof()), Rc::new(browser.client.copy()));
    let sent = (0..8).map(|_| {
        let (proof, client, id) = (Rc::clone(&proof), Rc::clone(&client), browser.id.clone());
        actix_web::rt::spawn(async move { refresh(&client, &id, Some(&proof)).await.status })
    });
    let mut statuses = Vec::new();
    for sent in sent.collect::<Vec<_>>() {
        statuses.push(sent.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403, 403, 403, 403, 403, 403, 403]);
});

on_both_stacks!(refresh_goes_on_when_the_clock_was_set_back, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let ahead = app.move_last_challenge_ahead(&browser.id);
    browser.send(Some(&browser.proof())).await.problem(403);
    browser.renew().await;
    let last: i64 = app.binding_of(&browser.id).rsplit_once(' ').unwrap().1.parse().unwrap();
    assert_eq!(last, ahead + 1);
    browser.renew().await;
});

on_both_stacks!(ended_session_is_over_at_the_refresh, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let over = json!({"session_identifier": browser.id, "continue": false});
    let proof = browser.proof();
    let copy = browser.client.copy();
    browser.client.post("/logout", &[]).await.to("/");
    let before = app.binding_of(&browser.id);
    for proof in [None, Some(proof.as_str()), Some("x")] {
        for client in [&copy, &browser.client] {
            let answer = refresh(client, &browser.id, proof).await.expect(200);
            assert_eq!(answer.json(), over);
            assert!(answer.set_cookies().is_empty() && challenge_in(&answer).is_none());
        }
    }
    assert_eq!(app.binding_of(&browser.id), before, "the key is kept with the session's row");
    assert!(!before.is_empty());
    // The same for sessions that never were, and for one that is not bound.
    let client = app.client();
    let grace = Person::new("Grace Hopper");
    grace.register(&client).await;
    for id in [app.session_of(&grace).as_str(), "aaaaaaaaaaaaaaaaaaaaaa", "a b", "'", &"a".repeat(200)] {
        let answer = refresh(&app.client(), id, None).await.expect(200);
        assert_eq!(answer.json(), json!({"session_identifier": id, "continue": false}));
    }
});

on_both_stacks!(expired_and_deactivated_are_over_at_the_refresh, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    app.set_session_time(&browser.id, SessionTime::AbsoluteEnd, "2026-01-01 00:00:00");
    assert_eq!(browser.send(Some(&browser.proof())).await.expect(200).json()["continue"], json!(false));
    app.set_session_time(&browser.id, SessionTime::AbsoluteEnd, "2099-01-01 00:00:00");
    browser.renew().await;
    app.set_active(&ada, false);
    assert_eq!(browser.send(Some(&browser.proof())).await.expect(200).json()["continue"], json!(false));
});

on_both_stacks!(second_sign_in_ends_the_first_binding, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let (grace, other) = app.person("Grace Hopper").await;
    // The browser has the cookie of another session now; the first one lives on elsewhere.
    let elsewhere = browser.client.copy();
    browser.client.set_cookie(SESSION_COOKIE, &other.cookie(SESSION_COOKIE).unwrap().value);
    let answer = browser.send(Some(&browser.proof())).await.expect(200);
    assert_eq!(answer.json(), json!({"session_identifier": browser.id, "continue": false}));
    assert!(answer.set_cookies().is_empty());
    browser.client.get("/profile").await.expect(200).has(&grace.name);
    elsewhere.get("/profile").await.expect(200).has(&ada.name);
    // A cookie that leads to nothing is no reason: the key was just replaced.
    browser.client.set_cookie(SESSION_COOKIE, "nothing");
    browser.renew().await;
});

on_both_stacks!(refresh_is_taken_from_every_page_that_browsers_refresh_for, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    for (site, origin) in [
        ("same-origin", "https://login.example.org"),
        ("same-site", "https://app.example.org"),
        ("cross-site", "https://news.example"),
        ("none", "null"),
    ] {
        let request = by_browser(&browser.client, "/session/refresh")
            .header("sec-secure-session-id", &browser.id)
            .header("sec-fetch-site", site)
            .header("origin", origin);
        let answer = request.send().await;
        assert!(challenge_in(&answer).is_some(), "{site}");
        answer.problem(403);
    }
    // No page can make a browser name a session, so without that the site is asked for nothing.
    let forged = by_browser(&browser.client, "/session/refresh").cross_site("https://evil.example");
    let answer = forged.send().await;
    assert!(challenge_in(&answer).is_none());
    answer.problem(403);
    let forged = by_browser(&browser.client, "/session/bind").cross_site("https://evil.example");
    forged.send().await.problem(403);
    by_browser(&browser.client, "/session/refresh").send().await.problem(400);
    by_browser(&browser.client, "/session/bind").send().await.problem(400);
});

on_both_stacks!(thousand_challenges_add_no_row, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let (before, binding) = (app.row_count(), app.binding_of(&browser.id));
    let mut challenges = std::collections::HashSet::new();
    for _ in 0..50 {
        let asked = (0..20).map(|_| refresh(&browser.client, &browser.id, None));
        for answer in futures_util::future::join_all(asked).await {
            challenges.insert(challenge_in(&answer).unwrap().0);
            assert_eq!(answer.status, 403);
        }
    }
    assert_eq!(challenges.len(), 1_000);
    assert_eq!((app.row_count(), app.binding_of(&browser.id)), (before, binding));
    browser.send(None).await.problem(403);
    browser.renew().await;
});

on_both_stacks!(registrations_and_refreshes_are_counted, |stack| async {
    let app = device::builder(stack).with_ops().start().await;
    let before = Metrics::of(&app).await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    register(&browser.client, &browser.proof()).await.problem(400);
    browser.renew().await;
    browser.send(None).await.problem(403);
    let wrong = Device::new().proof("x");
    browser.send(Some(&wrong)).await.problem(403);
    refresh(&browser.client, "aaaaaaaaaaaaaaaaaaaaaa", None).await.expect(200);
    let names = ["device_keys_total", "device_key_proofs_total"];
    let more = Metrics::of(&app).await.more_than(&before, &names);
    let sample =
        |name: &str, result: &str, times: f64| (format!("device_{name}_total{{result=\"{result}\"}}"), times);
    let expected = [
        sample("key_proofs", "challenged", 1.0),
        sample("key_proofs", "over", 1.0),
        sample("key_proofs", "proven", 2.0),
        sample("key_proofs", "refused", 1.0),
        sample("keys", "refused", 1.0),
        sample("keys", "registered", 1.0),
    ];
    assert_eq!(more, expected.into_iter().collect());
});

on_both_stacks!(wrong_proofs_are_limited_and_right_ones_are_not, |stack| async {
    let app = device::builder(stack).var("THROTTLE", "on").start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let mallory = Device::new();
    let wrong = || async {
        let challenge = challenge_in(&refresh(&app.client(), &browser.id, None).await).unwrap().0;
        refresh(&app.client(), &browser.id, Some(&mallory.proof(&challenge))).await
    };
    for _ in 0..20 {
        wrong().await.problem(403);
    }
    let limited = wrong().await.expect(503);
    assert!(limited.header("retry-after").is_some() && challenge_in(&limited).is_none());
    browser.renew().await;
    browser.client.get("/profile").await.expect(200);
});

#[actix_web::test]
async fn refresh_is_503_while_a_store_is_away() {
    for is_redis in [true, false] {
        let app = device::builder(Stack::PostgresRedis).through_proxies().start().await;
        eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
        let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
        let stores = app.stores();
        let proxy = if is_redis { stores.redis_proxy() } else { stores.postgres_proxy() };
        proxy.set(ProxyMode::Refuse);
        proxy.reset_connections();
        let answer =
            eventually(|| async { Some(browser.send(None).await).filter(|answer| answer.status != 403) })
                .await;
        assert_eq!(answer.status, 503, "{}", answer.summary());
        assert!(answer.header("retry-after").is_some() && answer.set_cookies().is_empty());
        let skipped = format!("server_error;session_identifier=\"{}\"", browser.id);
        let page = browser.client.request(Method::GET, "/profile").header("secure-session-skipped", &skipped);
        page.send().await.expect(503);
        proxy.set(ProxyMode::Pass);
        let back = || async { matches!(browser.send(None).await.status, 403) };
        eventually(back).await;
        browser.renew().await;
        browser.client.get("/profile").await.expect(200);
    }
}
