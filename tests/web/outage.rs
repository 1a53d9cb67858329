//! What everybody may rely on while a store is down, slow or hung, and once it is back.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::support::*;

/// `STORE_TIMEOUT` of these tests.
pub const TIMEOUT: Duration = Duration::from_millis(400);

/// Twice that, and what a machine that is busy with other tests may add to it.
const LONGEST: Duration = Duration::from_millis(2 * 400 + 1500);

/// Longest time from the repair until everything works again.
const RECOVERY: Duration = Duration::from_secs(5);

const COOKIE: &str = "gatehouse";

/// Which part fails, in the words of `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Database,
    SessionStore,
}

/// An application with somebody who is signed in twice.
pub struct Site {
    pub app: TestApp,
    pub ada: Person,
    pub here: Client,
    pub elsewhere: Client,
    elsewhere_id: String,
}

/// An application as these tests need it.
pub fn builder() -> Builder {
    TestApp::builder(Stack::PostgresRedis).var("STORE_TIMEOUT", format!("{}ms", TIMEOUT.as_millis()))
}

impl Site {
    pub async fn start(builder: Builder) -> Self {
        let app = builder.start().await;
        let person = eventually_ready(&app).await;
        let (ada, here) = person;
        let elsewhere = app.client();
        ada.sign_in(&elsewhere).await;
        let list = here.get("/sessions").await.expect(200);
        let action = list.forms().into_iter().find(|form| form.action.ends_with("/end")).unwrap().action;
        Self { app, ada, here, elsewhere, elsewhere_id: action }
    }

    /// Everything that the contract promises during an outage.
    pub async fn is_down(&self, part: Part) {
        let cookie = self.here.cookie(COOKIE).unwrap();
        for path in ["/profile", "/sessions", "/pages/x", "/admin/sessions"] {
            unavailable(&self.here, path, None).await;
        }
        unavailable(&self.here, "/profile", Some(&[("name", "Half done")])).await;
        unavailable(&self.here, "/logout", Some(&[])).await;
        unavailable(&self.here, &self.elsewhere_id, Some(&[])).await;
        let visitor = self.app.client();
        let credentials = [("email", self.ada.email.as_str()), ("password", &self.ada.password)];
        unavailable(&visitor, "/login", Some(&credentials)).await;
        unavailable(&self.here.copy(), "/login", Some(&credentials)).await;
        let registration = [
            ("name", "Half Done"),
            ("email", "half@example.org"),
            ("password", PASSWORD),
            ("password_confirmation", PASSWORD),
        ];
        unavailable(&visitor, "/register", Some(&registration)).await;
        assert!(visitor.cookies().is_empty(), "{:?}", visitor.cookies());
        assert_eq!(self.here.cookie(COOKIE).unwrap(), cookie, "the cookie stays");
        for client in [&visitor, &self.here] {
            for path in ["/", "/login", "/register", "/static/app.css", "/healthz"] {
                quick(client, path).await;
            }
        }
        let ready = timely(self.app.client().get("/readyz")).await.expect(503).json();
        let (database, store) = match part {
            Part::Database => ("down", "up"),
            Part::SessionStore => ("up", "down"),
        };
        assert_eq!(ready, serde_json::json!({ "database": database, "session_store": store }));
    }

    /// The same cookies work soon after the repair, nothing was half done, and catalogue and store agree.
    pub async fn comes_back(&self, what: &str) {
        let start = Instant::now();
        works_within(&self.here, RECOVERY, start).await;
        let back = start.elapsed();
        while self.ada.try_sign_in(&self.app.client()).await != 303 {
            assert!(start.elapsed() < RECOVERY, "{what}: no sign-in after {:?}", start.elapsed());
        }
        eprintln!("{what}: pages are back after {back:?}, sign-ins after {:?}", start.elapsed());
        self.elsewhere.get("/profile").await.expect(200).lacks("Half done");
        self.app.client().get("/readyz").await.expect(200);
        self.agrees();
    }

    /// Nobody was registered or listed by halves.
    pub fn agrees(&self) {
        let left = "SELECT count(*) FROM users WHERE email_key = 'half@example.org' OR password_hash = ''";
        assert_eq!(self.app.query_one(left).as_deref(), Some("0"), "a registration that was refused");
        let (vars, stores) = (self.app.stores().vars(), self.app.stores());
        let secret = ("SESSION_SECRET".to_owned(), "0".repeat(128));
        let vars: Vec<_> = vars.into_iter().chain([secret]).collect();
        let verified = Program::run(&["sessions", "verify"], &vars, "");
        assert!(verified.status.success(), "{verified:?}");
        drop(stores);
    }
}

impl Person {
    /// The status that the form for signing in answers.
    async fn try_sign_in(&self, client: &Client) -> u16 {
        client.post("/login", &[("email", &self.email), ("password", &self.password)]).await.status
    }
}

/// On a busy machine the first requests may find the link to Redis not made yet.
async fn eventually_ready(app: &TestApp) -> (Person, Client) {
    eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
    app.person("Ada Lovelace").await
}

async fn works_within(client: &Client, deadline: Duration, start: Instant) {
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

/// Asserts the page for an outage, in time, which leaves the session's cookie alone.
pub async fn unavailable(client: &Client, path: &str, form: Option<&[(&str, &str)]>) {
    let answer = timely(async {
        match form {
            Some(fields) => client.post(path, fields).await,
            None => client.get(path).await,
        }
    });
    let answer = answer.await.expect(503).has("Just a moment");
    let seconds: u32 = answer.header("retry-after").expect("Retry-After").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert!(answer.is_html());
    let touched = answer.set_cookies().into_iter().any(|cookie| cookie.name == COOKIE);
    assert!(!touched, "{} touches the cookie: {:?}", answer.asked, answer.set_cookies());
}

/// Asserts that an answer comes within twice the timeout.
pub async fn timely(answer: impl Future<Output = Answer>) -> Answer {
    let start = Instant::now();
    let answer = answer.await;
    assert!(start.elapsed() < LONGEST, "{} took {:?}", answer.asked, start.elapsed());
    answer
}

/// Asserts that a page answers as if nothing were wrong: of five, most take less than the timeout.
async fn quick(client: &Client, path: &str) {
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        timely(client.get(path)).await.expect(200);
        times.push(start.elapsed());
    }
    times.sort();
    assert!(times[2] < TIMEOUT, "{path}: {times:?}");
}
