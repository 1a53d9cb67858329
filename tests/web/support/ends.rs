//! Sessions that end, for each of the reasons that there are.

use super::{Builder, Client, PASSWORD, SessionTime, Stack, TestApp, eventually, own_session_id};

/// An application in which sessions can end in every way.
pub fn builder(stack: Stack) -> Builder {
    TestApp::builder(stack).var("SESSION_LIMIT", 3).var("SESSION_REMEMBER_TTL", "4s")
}

/// Lets sessions end in every way, with this administrator.
pub async fn in_every_way(app: &TestApp, admin: &Client) {
    by_their_users(app).await;
    by_administrator(app, admin).await;
    by_themselves(app, admin).await;
}

/// Ends sessions in the ways that their own users have; the comments are the reasons.
async fn by_their_users(app: &TestApp) {
    let (ada, first) = app.person("Ada Lovelace").await;
    ada.sign_in(&first).await; // replaced
    let (second, third, fourth) = (app.client(), app.client(), app.client());
    for client in [&second, &third, &fourth] {
        ada.sign_in(client).await; // limit
    }
    let id = own_session_id(&second).await;
    fourth.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions"); // ended_by_user
    let new = "quartz-lantern-58-birch";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    fourth.post("/profile/password", &fields).await.to("/profile"); // password_changed
    app.client().post("/login", &[("email", &ada.email), ("password", new)]).await.to("/profile");
    fourth.post("/profile/delete", &[("current_password", new)]).await.to("/"); // logout, both
}

/// Ends sessions in the ways that administrators have.
async fn by_administrator(app: &TestApp, admin: &Client) {
    let (bob, client) = app.person("Bob Kahn").await;
    client.post("/logout", &[]).await.to("/"); // logout
    bob.sign_in(&client).await;
    admin.post(&format!("{}/deactivate", app.admin_path(&bob)), &[]).await.expect(303); // user_deactivated
    let (eve, _) = app.person("Eve Online").await;
    eve.sign_in(&app.client()).await;
    let many = [("q", eve.email.as_str()), ("reason", "Stop: now"), ("confirm", "yes"), ("expected", "2")];
    admin.post("/admin/sessions/end", &many).await.to("/admin/sessions"); // ended_by_admin, both
}

/// Lets sessions end by themselves.
async fn by_themselves(app: &TestApp, admin: &Client) {
    let (alan, _) = app.person("Alan Turing").await;
    let lost = app.session_of(&alan);
    app.lose_state(&lost);
    admin.get("/admin/sessions").await.expect(200); // missing
    alan.sign_in_remembered(&app.client()).await; // idle
    let idle = app.newest_session_of(&alan);
    let (joan, _) = app.person("Joan Clarke").await;
    let old = app.session_of(&joan);
    app.set_session_time(&old, SessionTime::AbsoluteEnd, "2026-01-01 00:00:00"); // absolute
    app.set_session_time(&old, SessionTime::Expires, "2026-01-01 00:00:00");
    for id in [&idle, &old, &lost] {
        eventually(|| async { app.end_reason(id) }).await;
    }
}
