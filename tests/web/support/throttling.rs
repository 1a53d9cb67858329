//! Guessing, for the tests of its limits.

use super::{
    answer::Answer,
    app::TestApp,
    client::Client,
    stack::{Backend, Stack},
    users::{PASSWORD, Person},
};

/// A wrong password.
pub const WRONG: &str = "wrong-anchor-93-maple";

/// Starts an application that limits.
pub async fn start(stack: Stack) -> TestApp {
    TestApp::builder(stack).var("THROTTLE", "on").start().await
}

/// Starts an application that limits, with the sessions and counts in this backend.
pub async fn start_on(backend: Backend) -> TestApp {
    TestApp::builder_on(backend).var("THROTTLE", "on").start().await
}

/// Signs in with the form, with any outcome.
pub async fn try_sign_in(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/login", &[("email", email), ("password", password)]).await
}

/// Tries wrong passwords at once; returns the statuses.
pub async fn guess(client: &Client, email: &str, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(try_sign_in(client, email, WRONG).await.status);
    }
    statuses
}

impl Answer {
    /// Asserts that it is 429 with the seconds to wait; returns them.
    #[track_caller]
    pub fn retry_after(&self) -> u64 {
        assert_eq!(self.status, 429, "{}", self.summary());
        self.header("retry-after").unwrap().parse().unwrap()
    }
}

impl TestApp {
    /// A new user who has signed in in a browser, which is signed out again.
    pub async fn known_browser(&self, name: &str) -> (Person, Client) {
        let (person, client) = self.person(name).await;
        client.post("/logout", &[]).await.to("/");
        assert_eq!(person.password, PASSWORD);
        (person, client)
    }
}
