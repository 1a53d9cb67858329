//! Tests that metrics count exactly what visits did, and that their number does not grow with visitors.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;

use crate::support::{
    authenticator::Authenticator,
    ends,
    metrics::Metrics,
    passkey::{SoftPasskey, options},
    throttling, *,
};

const COUNTED: [&str; 6] = [
    "http_requests_total",
    "http_request_seconds_count",
    "sign_ins_total",
    "sessions_started_total",
    "sessions_ended_total",
    "throttle_refused_total",
];

/// Requests of one kind: their route, method and status, and how many there were.
type Requests = (&'static str, &'static str, u16, u32);

/// What is to be counted of requests, and in other counts.
fn expected(requests: &[Requests], others: &[(&str, u32)]) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for (route, method, status, times) in requests {
        let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
        samples.insert(format!("http_requests_total{{{labels}}}"), f64::from(*times));
        *samples.entry(format!("http_request_seconds_count{{route=\"{route}\"}}")).or_default() +=
            f64::from(*times);
    }
    samples.extend(others.iter().map(|(sample, times)| ((*sample).to_owned(), f64::from(*times))));
    samples
}

/// Signs in with each method.
async fn sign_in_with_everything(app: &TestApp, ada: &Person, first: &Client) {
    ada.sign_in(&app.client()).await;
    let (authenticator, codes) = Authenticator::set_up(app, first).await;
    let (mut passkey, _) = SoftPasskey::added(app, first, "Laptop").await;
    let [by_app, by_recovery_code, by_passkey] = [app.client(), app.client(), app.client()];
    ada.give_password(&by_app).await;
    by_app.post("/login/verify", &[("code", "000000")]).await.expect(401);
    by_app.post("/login/verify", &[("code", &authenticator.code())]).await.to("/profile");
    ada.give_password(&by_recovery_code).await;
    by_recovery_code.post("/login/verify", &[("code", &codes[0])]).await.to("/profile");
    ada.give_password(&by_passkey).await;
    let begun = options(&by_passkey, "/login/verify/options").await.expect(200).json();
    by_passkey.post("/login/verify", &[("passkey", &*passkey.get(&begun))]).await.to("/profile");
    passkey.sign_in(&app.client()).await.expect(200);
}

/// Everything that a visit can be; returns how many of twelve guesses had to wait.
async fn visit_everything(app: &TestApp, admin: &Client) -> u32 {
    let (ada, client) = app.person("Ada Lovelace").await;
    let wrong = [("email", ada.email.as_str()), ("password", throttling::WRONG)];
    app.client().post("/login", &wrong).await.expect(401);
    sign_in_with_everything(app, &ada, &client).await;
    let (_, leaving) = app.person("Bob Kahn").await;
    leaving.post("/logout", &[]).await.to("/");
    let path = format!("/admin/sessions/{}/end", app.newest_session_of(&ada));
    admin.post(&path, &[("reason", "A lost laptop")]).await.to("/admin/sessions");
    app.take_table_away("passkeys");
    client.get("/security").await.expect(500);
    app.put_table_back("passkeys");
    let expired = app.active_sessions_of(&ada).remove(0);
    app.set_session_time(&expired, SessionTime::AbsoluteEnd, "2026-01-01 00:00:00");
    app.set_session_time(&expired, SessionTime::Expires, "2026-01-01 00:00:00");
    eventually(|| async { app.end_reason(&expired) }).await;
    let statuses = throttling::guess(&app.client(), "nobody@example.org", 12).await;
    let refused = u32::try_from(statuses.iter().filter(|status| **status == 429).count()).unwrap();
    assert!((1..12).contains(&refused), "{statuses:?}");
    admin.get("/admin/sessions/unknown").await.expect(404);
    app.client().get("/no-such-page").await.expect(404);
    refused
}

/// What is to be counted of that.
fn of_the_visit(refused: u32) -> BTreeMap<String, f64> {
    let guessed = 12 - refused;
    let requests = [
        ("/register", "POST", 303, 2),
        ("/login", "POST", 401, 1 + guessed),
        ("/login", "POST", 303, 4),
        ("/login", "POST", 429, refused),
        ("/login/verify", "POST", 401, 1),
        ("/login/verify", "POST", 303, 3),
        ("/login/verify/options", "POST", 200, 1),
        ("/login/passkey/options", "POST", 200, 1),
        ("/login/passkey", "POST", 200, 1),
        ("/security/totp", "GET", 200, 1),
        ("/security/totp", "POST", 200, 1),
        ("/security/passkeys/options", "POST", 200, 1),
        ("/security/passkeys", "POST", 303, 1),
        ("/logout", "POST", 303, 1),
        ("/admin/sessions/{id}/end", "POST", 303, 1),
        ("/admin/sessions/{id}", "GET", 404, 1),
        ("none", "GET", 404, 1),
        ("/security", "GET", 500, 1),
    ];
    expected(&requests, &others_of_the_visit(refused, guessed))
}

/// What is to be counted of it beside requests.
fn others_of_the_visit(refused: u32, guessed: u32) -> [(&'static str, u32); 17] {
    [
        ("sign_ins_total{result=\"failure\",method=\"password\"}", 1 + guessed),
        ("sign_ins_total{result=\"failure\",method=\"second-step\"}", 1),
        ("sign_ins_total{result=\"success\",method=\"password\"}", 1),
        ("sign_ins_total{result=\"success\",method=\"password+totp\"}", 1),
        ("sign_ins_total{result=\"success\",method=\"password+recovery\"}", 1),
        ("sign_ins_total{result=\"success\",method=\"password+passkey\"}", 1),
        ("sign_ins_total{result=\"success\",method=\"passkey\"}", 1),
        ("sessions_started_total{method=\"password\"}", 3),
        ("sessions_started_total{method=\"password+totp\"}", 1),
        ("sessions_started_total{method=\"password+recovery\"}", 1),
        ("sessions_started_total{method=\"password+passkey\"}", 1),
        ("sessions_started_total{method=\"passkey\"}", 1),
        ("sessions_ended_total{reason=\"logout\"}", 1),
        ("sessions_ended_total{reason=\"ended_by_admin\"}", 1),
        ("sessions_ended_total{reason=\"absolute\"}", 1),
        ("sessions_ended_total{reason=\"second_factor_set_up\"}", 1),
        ("throttle_refused_total{kind=\"account\"}", refused),
    ]
}

on_both_stacks!(metrics_count_exactly_what_a_visit_did, |stack| async {
    let app = TestApp::builder(stack).with_ops().var("THROTTLE", "on").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let before = Metrics::of(&app).await;
    let refused = visit_everything(&app, &admin).await;
    let after = Metrics::of(&app).await;
    assert_eq!(after.more_than(&before, &COUNTED), of_the_visit(refused));
    let more = |sample: &str| after.value(sample) - before.value(sample);
    assert!(more("db_work_seconds_count") > 20.0 && more("lookup_seconds_count") >= 5.0);
    assert_eq!(more("lookup_batch_size_count"), more("lookup_seconds_count"));
    assert_eq!(more("hash_seconds_count"), more("hash_queue_wait_seconds_count"));
    assert!(more("hash_seconds_count") >= 8.0);
    assert!(more("sweep_seconds_count") >= 1.0 && more("sweep_failures_total") == 0.0);
    assert_eq!(more("redis_seconds_count") > 3.0, stack == Stack::PostgresRedis);
});

on_both_stacks!(metrics_count_ends_by_each_reason, |stack| async {
    let app = ends::builder(stack).with_ops().start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let before = Metrics::of(&app).await;
    ends::in_every_way(&app, &admin).await;
    let after = Metrics::of(&app).await;
    let expected = [
        ("absolute", 1.0),
        ("ended_by_admin", 2.0),
        ("ended_by_user", 1.0),
        ("idle", 1.0),
        ("limit", 1.0),
        ("logout", 3.0),
        ("missing", 1.0),
        ("password_changed", 1.0),
        ("replaced", 1.0),
        ("user_deactivated", 1.0),
    ];
    let expected =
        expected.map(|(reason, times)| (format!("sessions_ended_total{{reason=\"{reason}\"}}"), times));
    assert_eq!(after.more_than(&before, &["sessions_ended_total"]), BTreeMap::from(expected));
});

on_both_stacks!(metrics_count_the_first_administrator, |stack| async {
    let app = TestApp::builder(stack).not_set_up().with_ops().start().await;
    let before = Metrics::of(&app).await;
    Person::new("Ada Lovelace").set_up(&app.client(), app.setup_link().unwrap()).await.expect(303);
    let started = Metrics::of(&app).await.more_than(&before, &["sessions_started_total", "sign_ins_total"]);
    assert_eq!(started, BTreeMap::from([("sessions_started_total{method=\"link\"}".to_owned(), 1.0)]));
});

/// What a visitor may send, with texts of their own wherever there is room for one.
async fn visit(app: &TestApp, number: usize) {
    let (ada, client) = app.person(&format!("Visitor {number}")).await;
    let made_up = format!("made-up-{number}");
    let id = app.session_of(&ada);
    for path in [
        "/profile".to_owned(),
        format!("/{made_up}"),
        format!("/pages/{made_up}"),
        format!("/sessions/{made_up}/end"),
        format!("/login?next=/{made_up}"),
        format!("/admin/users/{number}"),
    ] {
        client.get(&path).await;
    }
    client.post(&format!("/sessions/{made_up}/end"), &[]).await.expect(404);
    let method = Method::from_bytes(format!("MADEUP{number}").as_bytes()).unwrap();
    client.request(method, "/profile").send().await;
    let hosted = client.request(Method::GET, "/").header("host", &format!("{made_up}.example"));
    hosted.send().await.expect(421);
    app.client().user_agent(&made_up).get("/").await.expect(200);
    // Passwords are what takes time here.
    if number.is_multiple_of(10) {
        let wrong = [("email", &*format!("{made_up}@example.org")), ("password", &*made_up)];
        app.client().post("/login", &wrong).await.expect(401);
    }
    client.post(&format!("/sessions/{id}/end"), &[]).await;
}

on_both_stacks!(metrics_do_not_grow_with_visitors, |stack| async {
    let app = TestApp::builder(stack).with_ops().start().await;
    let samples = || async { Metrics::of(&app).await.names().map(str::to_owned).collect::<BTreeSet<_>>() };
    visit(&app, 0).await;
    let after_one = samples().await;
    for number in 1..50 {
        visit(&app, number).await;
    }
    let after_all = samples().await;
    let new: Vec<_> = after_all.difference(&after_one).collect();
    assert!(new.iter().all(|sample| !sample.contains('{') || sample.starts_with("clock")), "{new:?}");
    assert!(!after_all.iter().any(|sample| sample.to_lowercase().contains("made")), "{after_all:?}");
});
