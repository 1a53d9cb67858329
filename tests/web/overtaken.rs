//! What a request has begun counts only while its session lives; what it writes of the session keeps its lifetime.

use std::rc::Rc;

use crate::{engine::*, support::*};

on_both_stacks!(a_change_leaves_a_remembered_cookie_its_lifetime, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, plain) = app.person("Ada Lovelace").await;
    let remembered = app.client();
    let _ = ada.sign_in_remembered(&remembered).await;
    for (client, lifetime) in [(&plain, None), (&remembered, Some(30 * 24 * 60 * 60))] {
        let answer = client.post("/test/change", &[]).await.expect(200);
        assert_eq!(new_cookie(&answer).unwrap().max_age(), lifetime);
        client.close();
        assert_eq!(signed_in(client).await, lifetime.is_some());
    }
});

#[actix_web::test]
async fn a_session_that_ended_meanwhile_changes_no_password() {
    let (app, _) = start(Stack::PostgresRedis).await;
    let (ada, owner) = app.person("Ada Lovelace").await;
    let thief = Rc::new(app.client());
    let _ = ada.sign_in(&thief).await;
    let id = id_of(&thief).await;
    let stores = app.stores();
    let mut lock = stores.connect();
    lock.run("BEGIN; SELECT 1 FROM users FOR UPDATE");
    let new = "umbrella-trout-58-canyon";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    let held = send_form(&thief, "/profile/password", &fields);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND wait_event_type = 'Lock'";
    eventually(|| async { app.query_one(waits).as_deref() == Some("1") }).await;
    let _ = owner.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    lock.run("COMMIT");
    assert_eq!(new_cookie(&held.await.unwrap().expect(401)), None);
    assert!(!signed_in(&thief).await);
    assert!(signed_in(&owner).await, "the owner was signed out by a session that had ended");
    let _ = ada.sign_in(&app.client()).await;
}
