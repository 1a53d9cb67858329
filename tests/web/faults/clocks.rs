//! Tests instances on machines whose clocks are wrong: with Postgres the database's clock counts. The clocks are changed by libfaketime.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use time::{Duration, OffsetDateTime};

use crate::support::{authenticator::Authenticator, throttling, *};

/// The library that changes what the machine's clock says to a program.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|folder| folder.unwrap().path());
    let mut libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.exists()).expect("libfaketime is installed")
}

/// The variables of a program whose clock is ahead by what a file says, in libfaketime's words: `+100d`.
fn with_clock(file: &std::path::Path) -> [(&'static str, String); 5] {
    [
        ("LD_PRELOAD", library().display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

/// A second instance, on a machine whose clock can be set.
struct OtherMachine {
    program: Program,
    ops: Client,
    clock: tempfile::NamedTempFile,
}

impl OtherMachine {
    fn of(app: &TestApp, ahead: &str) -> Self {
        let clock = tempfile::NamedTempFile::new().unwrap();
        fs::write(clock.path(), ahead).unwrap();
        let ops = free_addr();
        let vars = with_clock(clock.path()).into_iter().chain([("OPS_ADDR", ops.to_string())]);
        let program = app.second_program_with(&vars.collect::<Vec<_>>());
        Self { program, ops: Client::new(Arc::new(Mutex::new(ops))), clock }
    }

    fn set_clock(&self, ahead: &str) {
        fs::write(self.clock.path(), ahead).unwrap();
    }

    /// Waits until it has looked for sessions that have expired.
    async fn has_swept(&self) {
        let swept = "gatehouse_sweep_seconds_count";
        eventually(|| async {
            let metrics = self.ops.get("/metrics").await.expect(200).body;
            metrics.lines().any(|line| line.starts_with(swept) && !line.ends_with(" 0"))
        })
        .await;
    }

    /// By how many seconds its clock is ahead, as it says itself.
    async fn difference(&self) -> f64 {
        let details = self.ops.get("/readyz").await.expect(200).json();
        details["clock_ahead_seconds"].as_f64().unwrap()
    }
}

async fn wrong_clock_decides_nothing(ahead: &str, seconds: f64) {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = OtherMachine::of(&app, ahead);
    other.has_swept().await;
    assert!((other.difference().await - seconds).abs() < 60.0, "{}", other.difference().await);
    assert!(other.program.output().contains("the clock of this machine is not that of the database"));

    // Who is signed in stays signed in, wherever the session began.
    assert!(signed_in(&client.at_program(&other.program)).await);
    assert!(signed_in(&client).await);
    let there = other.program.client();
    ada.sign_in(&there).await;
    assert!(signed_in(&there).await && signed_in(&there.at(&app)).await);
    assert_eq!(app.unexpired_session_ids().len(), 2);
    let call = there.at(&app).get("/auth/session").await.expect(200).json();
    for (field, from_now) in [("created_at", Duration::ZERO), ("expires_at", Duration::hours(24))] {
        let format = &time::format_description::well_known::Rfc3339;
        let at = OffsetDateTime::parse(call[field].as_str().unwrap(), format).unwrap();
        assert!((at - OffsetDateTime::now_utc() - from_now).abs() < Duration::minutes(2), "{field}: {call}");
    }
    // Codes of apps are those of the time that it is.
    let (app_of_ada, _) = Authenticator::set_up(&app, &client).await;
    app.forget_used_codes();
    let another = other.program.client();
    ada.give_password(&another).await;
    another.post("/login/verify", &[("code", &*app_of_ada.code())]).await.expect(303);
}

#[actix_web::test]
async fn clock_that_is_100_days_ahead_decides_nothing() {
    wrong_clock_decides_nothing("+100d", 100.0 * 86_400.0).await;
}

#[actix_web::test]
async fn clock_that_is_2_days_behind_decides_nothing() {
    wrong_clock_decides_nothing("-2d", -2.0 * 86_400.0).await;
}

#[actix_web::test]
async fn clock_that_is_10_minutes_ahead_decides_nothing() {
    wrong_clock_decides_nothing("+10m", 600.0).await;
}

#[actix_web::test]
async fn clock_that_jumps_while_running_decides_nothing() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = OtherMachine::of(&app, "+0");
    let there = client.at_program(&other.program);
    for ahead in ["+100d", "-2d", "+0"] {
        other.set_clock(ahead);
        assert!(signed_in(&there).await, "{ahead}");
        let another = other.program.client();
        ada.sign_in(&another).await;
        assert!(signed_in(&another.at(&app)).await, "{ahead}");
    }
    assert_eq!(app.unexpired_session_ids().len(), 4);
}

/// SQLite alone, on a machine whose clock can be set.
fn alone(ahead: &str) -> (Program, tempfile::NamedTempFile) {
    let clock = tempfile::NamedTempFile::new().unwrap();
    fs::write(clock.path(), ahead).unwrap();
    let mut builder = TestApp::builder(Stack::Sqlite).var("THROTTLE", "on");
    for (name, value) in with_clock(clock.path()) {
        builder = builder.var(name, value);
    }
    (builder.start_program(), clock)
}

/// Somebody who is signed in, somebody who is kept waiting, and a link to choose another password, all of them with a clock that is ahead.
struct Ahead {
    ada: Person,
    client: Client,
    link: String,
}

impl Ahead {
    async fn of(program: &Program) -> Self {
        let (ada, client) = (Person::new("Ada Lovelace"), program.client());
        ada.register(&client).await;
        throttling::guess(&program.client(), &ada.email, 8).await;
        throttling::try_sign_in(&program.client(), &ada.email, PASSWORD).await.retry_after();
        let printed = program.command(&["user", "reset-password", &ada.email], "").stdout;
        let link = printed.lines().find(|line| line.contains("?token=")).unwrap();
        let path = reqwest::Url::parse(link.trim()).unwrap();
        let link = format!("{}?{}", path.path(), path.query().unwrap());
        let _ = program.client().get(&link).await.expect(200);
        Self { ada, client, link }
    }

    async fn assert_is_over(&self, program: &Program) {
        eventually(|| async { !signed_in(&self.client).await }).await;
        assert!(program.output().contains("the clock of this machine was ahead"));
        let _ = program.client().get(&self.link).await.expect(404);
        let again = program.client();
        self.ada.sign_in(&again).await;
        assert!(signed_in(&again).await);
    }
}

#[actix_web::test]
async fn sqlite_clock_that_was_ahead_is_set_right_while_running() {
    let (program, clock) = alone("+100d");
    let ahead = Ahead::of(&program).await;
    fs::write(clock.path(), "+0").unwrap();
    ahead.assert_is_over(&program).await;
}

#[actix_web::test]
async fn sqlite_clock_that_was_ahead_is_set_right_before_the_next_start() {
    let (mut program, clock) = alone("+100d");
    let ahead = Ahead::of(&program).await;
    program.kill();
    fs::write(clock.path(), "+0").unwrap();
    program.restart();
    ahead.assert_is_over(&program).await;
}
