//! Tests the password once more: wherever somebody who is signed in gives it, a wrong one is recorded.

use crate::support::{test_routes::session_id, *};

const NEW: &str = "copper-lantern-17-orchid";
const WRONG: &str = "wrong-anchor-93-maple";

/// Gives the current password to a form that needs it.
async fn give(client: &Client, path: &str, password: &str) -> Answer {
    let fields = match path {
        "/profile/password" => {
            vec![("current_password", password), ("password", NEW), ("password_confirmation", NEW)]
        }
        "/profile/delete" => vec![("current_password", password)],
        "/sessions/end-others" => vec![("confirm_password", password)],
        _ => vec![("password", password)],
    };
    client.post(path, &fields).await
}

on_both_stacks!(wrong_password_of_signed_in_person_is_an_event_everywhere, |stack| async {
    let (app, _) = test_routes::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (id, session) = (app.user_id(&ada), session_id(&client).await);
    app.forget_confirmations();
    for path in ["/profile/password", "/profile/delete", "/confirm-password", "/sessions/end-others"] {
        let before = app.event_count_of("confirmation_failed");
        let _ = give(&client, path, "").await.expect(422);
        assert_eq!(app.event_count_of("confirmation_failed"), before, "{path}: nothing was tried");
        let _ = give(&client, path, WRONG).await.expect(422);
        assert_eq!(app.event_count_of("confirmation_failed"), before + 1, "{path}");
    }
    assert_eq!(app.event_users("confirmation_failed"), vec![vec![Some(id); 2]; 4]);
    let sessions = app.sessions_of_events("confirmation_failed");
    assert_eq!(sessions, vec![session; 4]);
    let _ = client.get("/activity").await.expect(200).has("Wrong password given again");
});

on_both_stacks!(right_password_that_changes_nothing_is_an_event, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.admin("Grace Hopper").await;
    let weak = [("current_password", PASSWORD), ("password", "short"), ("password_confirmation", "short")];
    let _ = client.post("/profile/password", &weak).await.expect(422);
    assert_eq!(app.event_count_of("confirmed"), 1);
    let _ = give(&client, "/profile/delete", PASSWORD).await.expect(422);
    assert_eq!(app.event_count_of("confirmed"), 2);
    let _ = give(&client, "/profile/password", PASSWORD).await.to("/profile");
    assert_eq!((app.event_count_of("confirmed"), app.event_count_of("password_changed")), (2, 1));
});
