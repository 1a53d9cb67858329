//! A virtual authenticator of Chromium (W3C WebAuthn §11, Automation): a device with a PIN that holds passkeys.

use reqwest::Method;
use serde_json::{Value, json};

use super::browser::Browser;

/// An authenticator of one browser.
pub struct VirtualAuthenticator<'a> {
    browser: &'a Browser,
    id: String,
}

impl<'a> VirtualAuthenticator<'a> {
    /// Adds one to the browser, whose person unlocks it whenever they are asked.
    pub async fn add(browser: &'a Browser) -> Self {
        let options = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
        });
        let id = browser.driver(Method::POST, "webauthn/authenticator", &options).await;
        Self { browser, id: id.as_str().unwrap().to_owned() }
    }

    /// The passkeys that it holds.
    pub async fn passkeys(&self) -> Vec<Value> {
        let held = self.browser.driver(Method::GET, &self.path("credentials"), &Value::Null).await;
        held.as_array().unwrap().clone()
    }

    /// Gives it a passkey, such as a copy of one.
    pub async fn give(&self, passkey: &Value) {
        self.browser.driver(Method::POST, &self.path("credential"), passkey).await;
    }

    /// Takes all passkeys away.
    pub async fn clear(&self) {
        self.browser.driver(Method::DELETE, &self.path("credentials"), &Value::Null).await;
    }

    /// Whether its person unlocks it when they are asked.
    pub async fn set_unlocked(&self, unlocked: bool) {
        self.browser.driver(Method::POST, &self.path("uv"), &json!({ "isUserVerified": unlocked })).await;
    }

    fn path(&self, what: &str) -> String {
        format!("webauthn/authenticator/{}/{what}", self.id)
    }
}
