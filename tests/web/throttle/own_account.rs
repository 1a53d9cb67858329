//! Tests that one account adds no rows to the security log without end.

use crate::support::{
    throttling::{WRONG, start, try_sign_in},
    *,
};

on_both_stacks!(changes_of_an_account_are_limited, |stack| async {
    let app = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let rename = async |name: &str| client.post("/profile", &[("name", name)]).await;
    let _ = rename(" Ada Lovelace ").await.to("/profile");
    assert_eq!(app.event_count_of("name_changed"), 0, "it is the same name");
    assert!(app.throttle_keys().iter().all(|key| !key.starts_with("changes")));
    let _ = rename("Ada One").await.to("/profile");
    app.set_failures_of("changes", 98);
    let _ = client.post("/confirm-password", &[("password", PASSWORD)]).await.to("/profile");
    let _ = rename("Ada Two").await.to("/profile");

    let page = rename("Ada Three").await;
    assert!(page.retry_after() >= 1);
    assert_page(&page);
    let _ = page.has("too many changes to your account");
    let new = "copper-lantern-17-orchid";
    let password = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    for (path, fields) in [
        ("/confirm-password", &[("password", PASSWORD)][..]),
        ("/confirm-password", &[("password", WRONG)]),
        ("/profile/password", &password),
        ("/profile/delete", &[("current_password", PASSWORD)]),
    ] {
        assert!(client.post(path, fields).await.retry_after() >= 1, "{path}");
    }
    assert_eq!((app.name_of(&ada).as_str(), app.event_count_of("name_changed")), ("Ada Two", 2));
    let detail = "100 changes to the account and passwords given again; the next ones wait";
    assert_eq!(app.details_of_events("throttled"), [detail]);

    // Nothing else waits: neither pages, nor sign-ins, nor others in the same network.
    let _ = client.get("/activity").await.expect(200).has("Too many tries").has(detail);
    let _ = rename("Ada Two").await.to("/profile");
    let _ = ada.sign_in(&app.client()).await;
    let (_, other) = app.person("Grace Hopper").await;
    let _ = other.post("/profile", &[("name", "Grace")]).await.to("/profile");
    app.let_waits_pass();
    let _ = rename("Ada Three").await.to("/profile");
});

on_both_stacks!(sign_ins_to_an_account_are_limited, |stack| async {
    let app = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let _ = ada.sign_in(&client).await;
    app.set_failures_of("started", 99);
    let _ = ada.sign_in(&client).await;
    let sessions = app.session_ids().len();
    let page = try_sign_in(&app.client(), &ada.email, PASSWORD).await;
    assert!((1..=10).contains(&page.retry_after()));
    assert_page(&page);
    let _ = page.has("too many sign-ins to your account");
    assert_eq!(app.session_ids().len(), sessions);
    let detail = "100 sign-ins; the next ones wait";
    assert_eq!(app.details_of_events("throttled"), [detail]);
    let _ = try_sign_in(&app.client(), &ada.email, WRONG).await.expect(401);
    let _ = client.get("/profile").await.expect(200);
    app.let_waits_pass();
    let _ = ada.sign_in(&app.client()).await;
});
