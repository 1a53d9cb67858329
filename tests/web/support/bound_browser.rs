//! Chromium with keys that bind sessions to its device: made by software, since a test's machine has no TPM.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    browser::{Browser, BrowserBuilder},
    client::Cookie,
    tls_front::TlsFront,
};

/// Both are needed: keys without a TPM, and as many refreshes as a test forces.
const FEATURES: &str =
    "EnableBoundSessionCredentialsSoftwareKeysForManualTesting,DeviceBoundSessions:RefreshQuota/false";

impl BrowserBuilder {
    /// Makes the browser bind the sessions of the sites behind a front. Switches that ignore all mistakes in certificates would
    /// turn that off; trust in one key does not.
    pub fn binding(self, front: &TlsFront) -> Self {
        let mut builder = self.trusting(front);
        builder.flags.push(format!("--enable-features={FEATURES}"));
        builder.logs_network = true;
        builder
    }

    /// Makes the browser trust the certificate of a front.
    pub fn trusting(mut self, front: &TlsFront) -> Self {
        self.flags = vec![format!("--ignore-certificate-errors-spki-list={}", front.key_hash())];
        self
    }

    /// Opens the browser, and makes it tell what it does with bound sessions.
    pub async fn open_binding(self) -> Browser {
        let browser = self.open().await;
        for (command, parameters) in
            [("Network.enable", json!({})), ("Network.enableDeviceBoundSessions", json!({ "enable": true }))]
        {
            let command = json!({ "cmd": command, "params": parameters });
            browser.driver(Method::POST, "goog/cdp/execute", &command).await;
        }
        browser
    }
}

impl Browser {
    /// What the browser has done with bound sessions since this was last asked.
    pub async fn binding_events(&self) -> Vec<Value> {
        let log = self.driver(Method::POST, "se/log", &json!({ "type": "performance" })).await;
        let entries = log.as_array().unwrap().iter();
        let messages = entries.map(|entry| serde_json::from_str(entry["message"].as_str().unwrap()).unwrap());
        messages
            .map(|mut message: Value| message["message"].take())
            .filter(|message| message["method"] == "Network.deviceBoundSessionEventOccurred")
            .map(|mut message| message["params"].take())
            .collect()
    }

    /// The cookies that the browser sends with the current page.
    pub async fn cookies(&self) -> Vec<Cookie> {
        let cookies = self.driver(Method::GET, "cookie", &Value::Null).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let cookies = cookies.as_array().unwrap().iter();
        cookies
            .map(|cookie| Cookie {
                name: text(&cookie["name"]),
                value: text(&cookie["value"]),
                attributes: vec![("domain".to_owned(), text(&cookie["domain"]))],
            })
            .collect()
    }

    /// The value of a cookie that the browser sends with the current page.
    pub async fn cookie(&self, name: &str) -> Option<String> {
        let mut cookies = self.cookies().await;
        cookies.retain(|cookie| cookie.name == name);
        cookies.pop().map(|cookie| cookie.value)
    }

    /// Deletes a cookie, as its expiry does.
    pub async fn delete_cookie(&self, name: &str) {
        self.driver(Method::DELETE, &format!("cookie/{name}"), &Value::Null).await;
        assert_eq!(self.cookie(name).await, None, "{name} was deleted");
    }

    /// Closes the browser as its user does; a next one with the same profile goes on where it was.
    pub async fn close(self) -> Arc<TempDir> {
        self.driver(Method::DELETE, "", &Value::Null).await;
        self.into_profile()
    }
}
