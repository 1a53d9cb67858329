//! What the application guarantees while a store is down, slow or hung, and once the store is back.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    answer::Answer,
    app::{Builder, TestApp, random_secret},
    client::Client,
    eventually::eventually,
    program::Program,
    session_pages::COOKIE,
    stack::Stack,
    users::{PASSWORD, Person, post_password},
};

/// `STORE_TIMEOUT` of these tests.
pub const TIMEOUT: Duration = Duration::from_millis(400);

/// Twice [`TIMEOUT`], and what a machine that is busy with other tests may add to it. What hangs takes `REQUEST_TIMEOUT`, 30 s.
pub const LONGEST: Duration = Duration::from_millis(2 * 400 + 28_000);

/// Longest time from the repair until everything works again, on a busy machine.
const RECOVERY: Duration = Duration::from_secs(60);

/// Which store fails, as `/readyz` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Database,
    SessionStore,
}

/// An application with a user who is signed in twice.
pub struct OutageTest {
    pub app: TestApp,
    pub ada: Person,
    pub client: Client,
    pub other_client: Client,
    end_other: String,
}

/// An application as these tests need it.
pub fn builder() -> Builder {
    TestApp::builder(Stack::PostgresRedis)
        .with_ops()
        .var("STORE_TIMEOUT", format!("{}ms", TIMEOUT.as_millis()))
}

impl OutageTest {
    /// Starts the application and signs its user in.
    pub async fn start(builder: Builder) -> Self {
        let app = builder.start().await;
        // On a busy machine the first requests may arrive before the connection to Redis is made.
        eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
        let (ada, client) = app.person("Ada Lovelace").await;
        let other_client = app.client();
        ada.sign_in(&other_client).await;
        let list = client.get("/sessions").await.expect(200);
        let action = list.forms().into_iter().find(|form| form.action.ends_with("/end")).unwrap().action;
        Self { app, ada, client, other_client, end_other: action }
    }

    /// Asserts everything that the application guarantees during an outage.
    pub async fn assert_down(&self, part: Part) {
        let cookie = self.client.cookie(COOKIE).unwrap();
        self.assert_refused_when_signed_in().await;
        let visitor = self.assert_refused_without_session().await;
        assert_eq!(self.client.cookie(COOKIE).unwrap(), cookie, "the cookie stays");
        for client in [&visitor, &self.client] {
            for path in ["/", "/login", "/register", "/static/app.css", "/healthz"] {
                assert_fast(client, path).await;
            }
        }
        timely(self.app.client().get("/readyz")).await.expect(503);
        let ready = timely(self.app.ops().get("/readyz")).await.expect(503).json();
        let (database, store) = match part {
            Part::Database => ("down", "up"),
            Part::SessionStore => ("up", "down"),
        };
        assert_eq!(
            [&ready["database"]["state"], &ready["session_store"]["state"]],
            [database, store],
            "{ready}"
        );
    }

    async fn assert_refused_when_signed_in(&self) {
        for path in ["/profile", "/sessions", "/pages/x", "/admin/sessions"] {
            assert_unavailable(&self.client, path, None).await;
        }
        assert_unavailable(&self.client, "/profile", Some(&[("name", "Half done")])).await;
        assert_unavailable(&self.client, "/logout", Some(&[])).await;
        assert_unavailable(&self.client, &self.end_other, Some(&[])).await;
    }

    /// Returns the visitor, who still has no cookie.
    async fn assert_refused_without_session(&self) -> Client {
        let visitor = self.app.client();
        let credentials = [("email", self.ada.email.as_str()), ("password", &self.ada.password)];
        assert_unavailable(&visitor, "/login", Some(&credentials)).await;
        assert_unavailable(&self.client.copy(), "/login", Some(&credentials)).await;
        let registration = [
            ("name", "Half Done"),
            ("email", "half@example.org"),
            ("password", PASSWORD),
            ("password_confirmation", PASSWORD),
        ];
        assert_unavailable(&visitor, "/register", Some(&registration)).await;
        assert!(visitor.cookies().is_empty(), "{:?}", visitor.cookies());
        visitor
    }

    /// Asserts that soon after the repair the same cookies work, nothing was half done, and catalogue and store agree.
    pub async fn assert_recovers(&self, what: &str) {
        let start = Instant::now();
        assert_works_within(&self.client, RECOVERY, start).await;
        let pages = start.elapsed();
        while self.ada.try_sign_in(&self.app.client()).await != 303 {
            assert!(start.elapsed() < RECOVERY, "{what}: no sign-in after {:?}", start.elapsed());
        }
        eprintln!("{what}: pages are back after {pages:?}, sign-ins after {:?}", start.elapsed());
        self.other_client.get("/profile").await.expect(200).lacks("Half done");
        self.app.client().get("/readyz").await.expect(200);
        self.assert_consistent();
    }

    /// Asserts that no refused request left anything behind, and that catalogue and store agree.
    pub fn assert_consistent(&self) {
        assert!(!self.app.has_half_registered("half@example.org"), "a registration that was refused");
        assert_stores_agree(&self.app);
    }
}

/// Asserts that catalogue and store agree.
pub fn assert_stores_agree(app: &TestApp) {
    let secret = ("SESSION_SECRET".to_owned(), random_secret());
    let vars = [app.stores().vars(), vec![secret]].concat();
    let verified = Program::run(&["sessions", "verify"], &vars, "");
    assert!(verified.status.success(), "{verified:?}");
}

impl Person {
    /// Sends the form for signing in; returns the status.
    pub async fn try_sign_in(&self, client: &Client) -> u16 {
        client.post("/login", &[("email", &self.email), ("password", &self.password)]).await.status
    }
}

async fn assert_works_within(client: &Client, deadline: Duration, start: Instant) {
    loop {
        let answer = timely(client.get("/profile")).await;
        if answer.status == 200 {
            return;
        }
        assert_eq!(answer.status, 503, "{}", answer.summary());
        assert!(start.elapsed() < deadline, "still {} after {:?}", answer.summary(), start.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
}

/// Asserts that the page for an outage comes in time and leaves the session's cookie unchanged.
pub async fn assert_unavailable(client: &Client, path: &str, form: Option<&[(&str, &str)]>) {
    let answer = timely(async {
        match form {
            Some(fields) => post_password(client, path, fields).await,
            None => client.get(path).await,
        }
    });
    let answer = answer.await.expect(503).has("Just a moment");
    let seconds: u32 = answer.header("retry-after").expect("Retry-After").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert!(answer.is_html());
    let touched = answer.set_cookies().into_iter().any(|cookie| cookie.name == COOKIE);
    assert!(!touched, "{} touches the cookie: {:?}", answer.request, answer.set_cookies());
}

/// Waits for an answer; asserts that it comes within [`LONGEST`].
pub async fn timely(answer: impl Future<Output = Answer>) -> Answer {
    let start = Instant::now();
    let answer = answer.await;
    assert!(start.elapsed() < LONGEST, "{} took {:?}", answer.request, start.elapsed());
    answer
}

/// Asserts that a page does not wait for the store: it would take [`TIMEOUT`] each time. A busy machine may hold up some of
/// the five requests.
async fn assert_fast(client: &Client, path: &str) {
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        timely(client.get(path)).await.expect(200);
        times.push(start.elapsed());
    }
    assert!(times.iter().any(|time| *time < TIMEOUT), "{path}: {times:?}");
}
