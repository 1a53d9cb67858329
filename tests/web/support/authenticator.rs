//! An authenticator app: `oathtool`, which knows nothing of the code under test.

use std::{
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{Client, Person, TestApp};

/// An authenticator app with a key.
pub struct Authenticator {
    key: String,
}

impl Authenticator {
    /// The app with the key that the page for setting one up shows.
    pub async fn offered(client: &Client) -> Self {
        let page = client.get("/security/totp").await.expect(200);
        let [key] = &page.texts("#totp-key")[..] else { panic!("{}", page.summary()) };
        Self::with_key(key)
    }

    /// The app with a key as the page shows it.
    pub fn with_key(key: &str) -> Self {
        Self { key: key.replace(' ', "") }
    }

    /// Sets an app up for whoever is signed in. Returns it with the recovery codes.
    pub async fn set_up(app: &TestApp, client: &Client) -> (Self, Vec<String>) {
        let authenticator = Self::offered(client).await;
        let page = client.post("/security/totp", &[("code", &authenticator.code())]).await.expect(200);
        app.forget_used_codes();
        (authenticator, page.texts(".codes code"))
    }

    /// The code that it shows now.
    pub fn code(&self) -> String {
        self.code_in(0)
    }

    /// The code that it shows in so many seconds.
    pub fn code_in(&self, seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let at = i64::try_from(now).unwrap() + seconds;
        let run = Command::new("oathtool")
            .args(["--totp", "--base32", &self.key, "--now", &format!("@{at}")])
            .output();
        let output = run.expect("oathtool (Debian) makes the codes");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl TestApp {
    /// The keys of all apps as they are stored.
    pub fn sealed_keys(&self) -> String {
        self.query_text("SELECT sealed_key FROM authenticators").into_iter().flatten().flatten().collect()
    }

    /// Lets codes work that were used before, so that no test waits for the next one.
    pub fn forget_used_codes(&self) {
        self.run_script("UPDATE authenticators SET last_step = 0");
    }
}

impl Person {
    /// Gives the right password to an account with a second factor.
    pub async fn give_password(&self, client: &Client) {
        client
            .post("/login", &[("email", &self.email), ("password", &self.password)])
            .await
            .to("/login/verify");
    }
}
