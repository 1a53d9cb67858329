//! Calls of front ends, apps and scripts: how tests send them and what every refusal of one has to be.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    app::TestApp,
    client::{Client, Request},
    page_check::header_complaints,
    users::Person,
};

/// Whether a path of the route table is that of a call, which answers JSON and never a page.
pub fn is_call(path: &str) -> bool {
    path.starts_with("/auth/") && path != "/auth/docs"
}

/// Whether browsers ask for a path by themselves, for sessions that are bound to their device.
fn is_of_browser(path: &str) -> bool {
    ["/session/bind", "/session/refresh"].contains(&path)
}

/// Whether this site's own script calls a path, for passkeys, or the browser itself.
pub fn is_of_own_script(path: &str) -> bool {
    path.starts_with("/login/passkey") || path.ends_with("/options") || is_of_browser(path)
}

impl Client {
    /// A call, as `fetch` in a page of this site sends it.
    pub fn call(&self, method: Method, path: &str) -> Request<'_> {
        self.request(method, path).header("accept", "*/*").header("sec-fetch-mode", "cors")
    }

    /// A call with JSON.
    pub async fn send_json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.call(method, path).json(body).send().await
    }

    /// A call of a program that has nothing but a token.
    pub fn with_token(&self, method: Method, path: &str, token: &str) -> Request<'_> {
        let request = self.request(method, path).without_origin().header("accept", "*/*");
        request.header("authorization", &format!("Bearer {token}"))
    }

    /// The statuses of `GET /auth/me` by a token.
    pub async fn status_of(&self, token: &str) -> u16 {
        self.with_token(Method::GET, "/auth/me", token).send().await.status
    }
}

impl Person {
    /// What the person sends to sign in.
    pub fn credentials(&self) -> Value {
        json!({"email": self.email, "password": self.password})
    }

    /// Signs in for a token, with a program that keeps no cookies.
    pub async fn take_token(&self, app: &TestApp) -> String {
        let sent = json!({"email": self.email, "password": self.password, "token": true});
        let answer = app.client().post_json("/auth/login", &sent).await.expect(200);
        answer.json()["token"].as_str().unwrap().to_owned()
    }
}

impl Answer {
    /// Asserts problem details (RFC 9457) with this status; returns them, but for the id of the request, in which answers to the same
    /// question differ.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.summary());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.summary());
        assert_eq!(self.header("cache-control"), Some("no-store"), "{}", self.summary());
        assert_eq!(header_complaints(self), Vec::<String>::new(), "{}", self.summary());
        let mut problem = self.json();
        let id = problem.as_object_mut().and_then(|members| members.remove("request_id"));
        assert_eq!(id.as_ref().and_then(Value::as_str), self.header("x-request-id"), "{}", self.summary());
        assert_eq!(problem["status"], status, "{}", self.summary());
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{}", self.summary());
        }
        problem
    }

    /// Asserts that fields are refused: 422 with exactly these names.
    #[track_caller]
    pub fn refused_fields(&self, names: &[&str]) -> Value {
        let problem = self.problem(422);
        let errors = problem["errors"].as_object().unwrap_or_else(|| panic!("{}", self.summary()));
        assert_eq!(errors.keys().map(String::as_str).collect::<Vec<_>>(), names, "{}", self.summary());
        for messages in errors.values() {
            assert!(messages[0].as_str().is_some_and(|text| !text.is_empty()), "{}", self.summary());
        }
        problem
    }
}
