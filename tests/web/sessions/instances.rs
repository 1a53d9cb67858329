//! Tests several instances on the same stores, and restarts of one instance.

use reqwest::Method;

use crate::support::{
    test_routes::{builder_on, session_id, start, start_on},
    *,
};

on_all_backends!(instances_share_sessions, |backend| async {
    let (one, _) = start_on(backend).await;
    let two = one.second_instance().await;
    let (ada, client) = one.person("Ada Lovelace").await;
    let there = client.at(&two);
    there.get("/profile").await.expect(200).has(&ada.email);
    assert_eq!(session_id(&there).await, session_id(&client).await);
    let other = two.client();
    ada.sign_in(&other).await;
    let (mut here, mut listed_there) = (listed_sessions(&client).await, listed_sessions(&there).await);
    here.sort();
    listed_there.sort();
    assert_eq!((here.len(), &here), (2, &listed_there));
    assert!(signed_in(&other.at(&one)).await);
});

on_all_backends!(session_end_applies_on_other_instance_at_next_request, |backend| async {
    let (one, _) = start_on(backend).await;
    let two = one.second_instance().await;
    let (ada, client) = one.person("Ada Lovelace").await;
    let (other, leaving) = (one.client(), one.client());
    ada.sign_in(&other).await;
    ada.sign_in(&leaving).await;
    // Both instances have served all three sessions.
    for browser in [&client, &other, &leaving] {
        assert!(signed_in(&browser.at(&one)).await && signed_in(&browser.at(&two)).await);
    }
    let id = session_id(&other).await;
    client.at(&two).post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    assert!(!signed_in(&other.at(&one)).await);
    let copy = leaving.copy();
    leaving.post("/logout", &[]).await.to("/");
    assert!(!signed_in(&copy.at(&two)).await);
    for instance in [&one, &two] {
        assert_eq!(listed_sessions(&client.at(instance)).await, [session_id(&client).await]);
    }
});

on_all_backends!(session_change_visible_on_other_instance, |backend| async {
    let (one, _) = start_on(backend).await;
    let two = one.second_instance().await;
    let (_, client) = one.person("Ada Lovelace").await;
    let there = client.at(&two);
    for (browser, counter) in [(&client, 1), (&there, 2), (&client, 3)] {
        browser.post("/test/change", &[]).await.expect(200);
        for reader in [&client, &there] {
            assert_eq!(reader.get("/test/who").await.expect(200).json()["counter"], counter);
        }
    }
});

on_all_backends!(session_limit_holds_across_instances, |backend| async {
    let one = builder_on(backend).0.var("SESSION_LIMIT", 1).start().await;
    let two = one.second_instance().await;
    let (ada, client) = one.person("Ada Lovelace").await;
    let (id, other) = (session_id(&client).await, two.client());
    ada.sign_in(&other).await;
    assert!(!signed_in(&client).await);
    assert_eq!(one.end_reason(&id).as_deref(), Some("limit"));
    assert!(signed_in(&other.at(&one)).await);
});

on_both_stacks!(restart_keeps_sessions, |stack| async {
    let (mut app, _) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (remembered, ended) = (app.client(), app.client());
    ada.sign_in_remembered(&remembered).await;
    ada.sign_in(&ended).await;
    let (id, copy) = (session_id(&client).await, ended.copy());
    ended.post("/logout", &[]).await.to("/");
    app.restart().await;
    assert!(signed_in(&client).await && signed_in(&remembered).await);
    assert!(!signed_in(&copy).await, "ended sessions stay ended");
    assert_eq!(session_id(&client).await, id);
    assert_eq!(listed_sessions(&client).await.len(), 2);
});

on_both_stacks!(kill_keeps_sessions, |stack| async {
    let mut program = TestApp::builder(stack).start_program();
    let (ada, client, ended) = (Person::new("Ada Lovelace"), program.client(), program.client());
    ada.register(&client).await;
    ada.sign_in(&ended).await;
    let copy = ended.copy();
    ended.post("/logout", &[]).await.to("/");
    program.kill();
    program.restart();
    eventually(|| async { client.get("/readyz").await.status == 200 }).await;
    client.get("/profile").await.expect(200).has(&ada.email);
    assert_eq!(listed_sessions(&client).await.len(), 1);
    assert!(!signed_in(&copy).await);
    let verified = program.command(&["sessions", "verify"], "");
    assert!(verified.status.success(), "{verified:?}");
});

on_both_stacks!(secret_is_replaced_without_signing_out, |stack| async {
    let (old, new) = (random_secret(), random_secret());
    let mut app = TestApp::builder(stack).var("SESSION_SECRET", &old).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (remembered, away) = (app.client(), app.client());
    ada.sign_in(&away).await;
    let away_id = app.newest_session_of(&ada);
    ada.sign_in_remembered(&remembered).await;
    let value = |browser: &Client| browser.cookie(COOKIE).unwrap().value;
    let before = value(&client);

    app.restart_with(&[("SESSION_SECRET", &format!("{new},{old}"))]).await;
    client.request(Method::GET, "/sessions").header("x-background", "1").send().await.expect(200);
    assert_eq!(value(&client), before, "what a page fetches by itself renews nothing");
    for browser in [&client, &remembered] {
        let before = value(browser);
        browser.get("/profile").await.expect(200).has(&ada.email);
        let renewed = browser.cookie(COOKIE).unwrap();
        assert_ne!(renewed.value, before);
        assert!(renewed.is("httponly") && renewed.attribute("samesite") == Some("Lax"));
    }
    assert_eq!(client.cookie(COOKIE).unwrap().max_age(), None, "it ends with the browser");
    assert!(remembered.cookie(COOKIE).unwrap().max_age().is_some());
    let under_new = value(&client);
    client.get("/profile").await.expect(200);
    assert_eq!(value(&client), under_new, "once is enough");
    assert_eq!(app.active_session_ids().len(), 3);

    // Without the old secret those are out that did not come by.
    app.set_session_time(&away_id, SessionTime::LastSeen, "2026-01-01 00:00:00");
    app.restart_with(&[("SESSION_SECRET", &new)]).await;
    assert!(signed_in(&client).await && signed_in(&remembered).await && !signed_in(&away).await);
    eventually(|| async { app.active_session_ids().len() == 2 }).await;
    assert_eq!(app.end_notes("missing"), ["SESSION_SECRET was changed"]);
    assert_eq!(app.ended_session_ids(), [away_id]);
});

on_both_stacks!(cookies_under_an_older_secret_are_found_among_others, |stack| async {
    let (old, new) = (random_secret(), random_secret());
    let mut app = TestApp::builder(stack).var("SESSION_SECRET", &old).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let sent = client.cookie(COOKIE).unwrap().value;
    app.restart_with(&[("SESSION_SECRET", &format!("{new},{old}"))]).await;
    let name = COOKIE;
    let cookies = format!("{name}=zzzz; {name}={sent}");
    let page = app.client().request(Method::GET, "/profile").header("cookie", &cookies).send().await;
    page.expect(200).has(&ada.email);
    client.post("/logout", &[]).await.to("/");
    let copy = app.client();
    copy.set_cookie(name, &sent);
    assert!(!signed_in(&copy).await, "ended means ended under each secret");
});

on_both_stacks!(changed_secret_signs_out_without_error, |stack| async {
    let (mut app, _) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let remembered = app.client();
    ada.sign_in_remembered(&remembered).await;
    app.restart_with(&[("SESSION_SECRET", &random_secret())]).await;
    for browser in [&client, &remembered] {
        browser.get("/").await.expect(200).has("You are not signed in.");
        assert!(!signed_in(browser).await);
        browser.post("/logout", &[]).await.to("/");
    }
    // An unreadable cookie does not prevent a sign-in.
    ada.sign_in(&client).await;
    assert!(signed_in(&client).await);
    assert!(!signed_in(&remembered).await);
});
