//! `gatehouse demo`: a site filled with users, sessions and events.

use super::{
    answer::Answer,
    app::TestApp,
    client::Client,
    program::{Finished, Program},
};

/// The administrator that `gatehouse demo` makes.
pub const ADMIN_EMAIL: &str = "admin@example.com";

/// Runs `gatehouse demo` on the stores of an application.
pub fn run(app: &TestApp, arguments: &[&str]) -> Finished {
    let secret = ("SESSION_SECRET".to_owned(), super::random_secret());
    let timeout = ("STORE_TIMEOUT".to_owned(), "5s".to_owned());
    let vars = [app.stores().vars(), vec![secret, timeout]].concat();
    Program::run(&[&["demo"], arguments].concat(), &vars, "")
}

/// Fills the site of an application; returns the password of all its users.
#[track_caller]
pub fn fill(app: &TestApp, arguments: &[&str]) -> String {
    let finished = run(app, arguments);
    assert!(finished.status.success(), "{finished:?}");
    password_in(&finished)
}

/// The password that `gatehouse demo` printed.
pub fn password_in(finished: &Finished) -> String {
    finished.stdout.trim().rsplit(' ').next().unwrap().to_owned()
}

/// Signs in as the administrator.
pub async fn sign_in_as_admin(client: &Client, password: &str) -> Answer {
    client.post("/login", &[("email", ADMIN_EMAIL), ("password", password)]).await.to("/profile")
}
