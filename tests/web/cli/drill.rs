//! Tests `gatehouse drill` at two instances behind nginx, and what it does when it can't find out anything.

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    certificates,
    metrics::Metrics,
    other_site::OtherSite,
    two_instances::{TwoInstances, nginx},
    *,
};

const SITE: &str = include_str!("../../../docs/examples/nginx.conf");
const INSTANCES: &str = include_str!("../../../docs/examples/nginx-instances.conf");
const CANARY: &str = "drill@canary.invalid";

/// Two instances behind nginx, and a site that asks whichever is next.
async fn two_instances(stack: Stack) -> TwoInstances {
    let conf = SITE.replace("server 127.0.0.1:3000;", "server 127.0.0.1:3000; server 127.0.0.1:3001;");
    let with = |builder: Builder| builder.with_ops().var("TRIPWIRE", "notify");
    TwoInstances::behind_nginx(stack, &conf, free_addr(), with).await
}

/// The arguments that name both instances.
fn both(site: &TwoInstances) -> Vec<String> {
    let origins = [site.one.addr(), site.two.addr()].map(|addr| format!("http://{addr}"));
    origins.into_iter().flat_map(|origin| ["--instance".to_owned(), origin]).collect()
}

fn drill(program: &Program, arguments: &[String]) -> Finished {
    let arguments: Vec<&str> = ["drill"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    program.command(&arguments, "")
}

fn texts(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

/// Asserts that the drill could not be run; returns what it says.
#[track_caller]
fn could_not_run(finished: Finished) -> String {
    assert_eq!(finished.status.code(), Some(2), "{finished:?}");
    assert_eq!(finished.stdout, "", "{finished:?}");
    finished.stderr
}

/// The kinds that an instance has refused, and those that it has not.
fn kinds<'a>(result: &'a Value, instance: &str) -> [BTreeSet<&'a str>; 2] {
    let uses = result["uses"].as_array().unwrap().iter().filter(|row| row["instance"] == instance);
    let (refused, others): (Vec<_>, Vec<_>) = uses.partition(|row| row["refused"] == true);
    [refused, others].map(|rows| rows.into_iter().map(|row| row["kind"].as_str().unwrap()).collect())
}

const KINDS: [&str; 5] = ["gated", "in-flight", "page", "proxied", "stream"];

on_both_stacks!(drill_passes_at_two_instances_behind_nginx, |stack| async {
    let site = two_instances(stack).await;
    let proxy = site.url("app", "/");
    let port = proxy.trim_end_matches('/').rsplit_once(':').unwrap().1.to_owned();
    let at_nginx = format!("http://127.0.0.1:{port}");
    let resolve =
        |host: &str| [texts(&["--resolve"]), vec![format!("{host}.example.org:{port}:127.0.0.1")]].concat();
    let proxied = [texts(&["--proxied", &proxy]), resolve("app")].concat();
    let through_nginx = texts(&["--instance", &at_nginx, "--within", "60s", "--json"]);
    let before = site.requests();
    let output = drill(&site.two, &[both(&site), through_nginx, proxied].concat()).done();
    let result: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&result["passed"], &result["within_ms"]), (&true.into(), &60_000.into()), "{output}");
    let instances = [site.one.addr(), site.two.addr()].map(|addr| format!("http://{addr}"));
    for instance in instances.iter().chain([&at_nginx]) {
        assert_eq!(kinds(&result, instance), [KINDS.into(), BTreeSet::new()], "{instance}: {output}");
    }
    let of_site = result["uses"].as_array().unwrap().last().unwrap();
    assert_eq!((&of_site["kind"], &of_site["path"]), (&"proxied".into(), &"/".into()), "{output}");
    assert!(site.requests() > before, "the site behind the login was asked");
    for row in result["uses"].as_array().unwrap() {
        assert!(row["ms"].as_i64() <= result["slowest_ms"].as_i64() && row["ms"].is_i64(), "{output}");
    }
    let id = result["session_id"].as_str().unwrap();
    assert_eq!(site.one.end_reason(id).as_deref(), Some("ended_by_admin"));
    assert_eq!(site.one.active_drill_sessions(), 0);
    assert_eq!(site.one.event_count_of("stolen_key_used"), 0, "the drill's own keys are not stolen");
    let summary = format!("passed: 16 of 16 refused, the last after {} ms", result["slowest_ms"]);
    assert_eq!(site.one.details_of_events("drill"), [summary]);
    let metrics = Metrics::of(&site.one).await;
    assert_eq!(metrics.value("drill_passed"), 1.0);
    assert!(metrics.value("drill_last_run_timestamp_seconds") > 1_700_000_000.0);
    let slowest = metrics.value("drill_slowest_refusal_seconds");
    assert_eq!(slowest, result["slowest_ms"].as_f64().unwrap() / 1_000.0);

    // Without an instance the site is asked.
    let table = drill(&site.two, &[resolve("login"), texts(&["--within", "60s"])].concat()).done();
    let heads = table.lines().next().unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(heads, ["INSTANCE", "KIND", "ADDRESS", "RESULT", "MS"], "{table}");
    let rows =
        table.lines().filter(|line| line.starts_with(&site.url("login", "")) && line.contains("refused"));
    assert_eq!(rows.count(), 5, "{table}");
    assert!(table.contains("Drill passed: 5 of 5 refused"), "{table}");
    let accounts = site.two.command(&["user", "list"], "").done();
    assert_eq!(accounts.matches(CANARY).count(), 1, "{accounts}");
});

#[actix_web::test]
async fn drill_fails_when_an_instance_lags() {
    let site = two_instances(Stack::PostgresRedis).await;
    let both = both(&site);
    let arguments = ["drill", "--pause", "--within", "15s", "--json"].into_iter();
    let arguments: Vec<&str> = arguments.chain(both.iter().map(String::as_str)).collect();
    let mut drilling = site.two.begin_command(&arguments);
    drilling.wait_for("Press Enter");
    site.two.freeze();
    drilling.press_enter();
    let finished = drilling.finish();
    site.two.thaw();
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(finished.stderr.contains("Drill failed: 5 of 10 not refused within 15s."), "{finished:?}");
    let result: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((&result["passed"], &result["slowest_ms"]), (&false.into(), &Value::Null));
    let [one, two] = [site.one.addr(), site.two.addr()].map(|addr| format!("http://{addr}"));
    assert_eq!(kinds(&result, &one), [KINDS.into(), BTreeSet::new()], "{result}");
    assert_eq!(kinds(&result, &two), [BTreeSet::new(), KINDS.into()], "{result}");
    let frozen: Vec<&Value> =
        result["uses"].as_array().unwrap().iter().filter(|row| row["instance"] == two).collect();
    for row in frozen {
        let seen = if row["kind"] == "stream" { "still open" } else { "no answer" };
        assert_eq!((&row["seen"], &row["ms"]), (&seen.into(), &Value::Null), "{result}");
    }
    assert_eq!(site.one.details_of_events("drill"), ["failed: 5 of 10 not refused within 15s"]);
    let metrics = Metrics::of(&site.one).await;
    assert_eq!(metrics.value("drill_passed"), 0.0);
    assert!(!metrics.names().any(|name| name == "drill_slowest_refusal_seconds"));

    let again = drill(&site.two, &[both.clone(), texts(&["--within", "60s"])].concat()).done();
    assert!(again.contains("Drill passed: 10 of 10 refused"), "{again}");
    assert_eq!(Metrics::of(&site.one).await.value("drill_passed"), 1.0);
}

on_both_stacks!(drill_fails_where_an_ended_session_is_let_in, |stack| async {
    let program = TestApp::builder(stack).var("BASE_URL", "http://login.example.org").start_program();
    // It answers everything with 200, as a proxy would that keeps pages.
    let careless = OtherSite::start();
    let at = careless.origin("127.0.0.1");
    let finished = drill(&program, &texts(&["--instance", &at, "--within", "2s", "--json"]));
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    let result: Value = serde_json::from_str(&finished.stdout).unwrap();
    let all = ["gated", "in-flight", "page", "stream"].into();
    assert_eq!(kinds(&result, &at), [BTreeSet::new(), all], "{result}");
    for row in result["uses"].as_array().unwrap().iter().filter(|row| row["kind"] != "in-flight") {
        // The time may be over while it is asked.
        assert!(row["seen"] == "let in: 200" || row["seen"] == "no answer", "{result}");
    }
    assert_eq!(program.active_drill_sessions(), 0, "it has ended all the same");
});

#[actix_web::test]
async fn drill_fails_where_a_session_comes_back() {
    let program = TestApp::builder(Stack::Sqlite).var("BASE_URL", "http://login.example.org").start_program();
    // Refused once, and then let in again.
    let forgetful = OtherSite::answering(|before| if before == 1 { "401 Unauthorized" } else { "200 OK" });
    let at = forgetful.origin("127.0.0.1");
    let finished = drill(&program, &texts(&["--instance", &at, "--within", "60s", "--json"]));
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    let result: Value = serde_json::from_str(&finished.stdout).unwrap();
    for row in result["uses"].as_array().unwrap() {
        let seen = match row["kind"].as_str().unwrap() {
            "page" | "gated" => Value::from("let in: 200 again"),
            "stream" => Value::Null,
            _ => continue,
        };
        assert_eq!(row["seen"], seen, "{result}");
    }
}

#[actix_web::test]
async fn drill_cannot_be_run_where_an_instance_does_not_answer() {
    let site = two_instances(Stack::PostgresRedis).await;
    site.two.freeze();
    let said = could_not_run(drill(&site.two, &both(&site)));
    site.two.thaw();
    let lines: Vec<&str> = said.lines().filter(|line| line.ends_with(": no answer")).collect();
    assert_eq!(lines.len(), 4, "{said}");
    let two = format!("http://{}/", site.two.addr());
    assert!(lines.iter().all(|line| line.starts_with(&two)), "{said}");
    let nowhere = format!("http://{}", free_addr());
    let said = could_not_run(drill(&site.two, &texts(&["--instance", &nowhere])));
    assert!(said.contains(&format!("{nowhere}/profile: not reached: ")), "{said}");
    // Not Gatehouse, or not this site.
    let other = format!("http://{}", site.one.addr());
    let said =
        could_not_run(drill(&site.two, &[both(&site), texts(&["--proxied", &format!("{other}/")])].concat()));
    assert!(said.starts_with("--proxied: the session's cookie does not reach"), "{said}");
    let said = could_not_run(drill(&site.two, &texts(&["--instance", &other, "--instance", &other])));
    assert!(said.contains("is given twice"), "{said}");
    assert_eq!(site.one.active_drill_sessions(), 0);
    assert!(site.one.details_of_events("drill").is_empty(), "nothing was found out");
    let vars = [("DATABASE_URL".to_owned(), "nonsense".to_owned())];
    assert!(could_not_run(Program::run(&["drill"], &vars, "")).starts_with("DATABASE_URL"));
    for wrong in [["--within", "0s"], ["--instance", "10.0.0.1:3000"], ["--resolve", "login.example.org"]] {
        assert!(could_not_run(drill(&site.two, &texts(&wrong))).contains(wrong[0]));
    }
}

on_both_stacks!(drill_that_is_stopped_leaves_no_session, |stack| async {
    let program = TestApp::builder(stack).var("BASE_URL", "http://login.example.org").start_program();
    let at = format!("http://{}", program.addr());
    let arguments = ["drill", "--pause", "--instance", &at];
    for signal in ["INT", "TERM"] {
        let mut drilling = program.begin_command(&arguments);
        drilling.wait_for("Press Enter");
        assert_eq!(program.active_drill_sessions(), 1);
        drilling.signal(signal);
        assert!(could_not_run(drilling.finish()).contains("stopped by a signal"), "{signal}");
        assert_eq!(program.active_drill_sessions(), 0, "{signal}");
    }
    // One that is killed leaves a session that ends by itself soon, or at the next drill.
    let mut drilling = program.begin_command(&arguments);
    drilling.wait_for("Press Enter");
    drilling.signal("KILL");
    drilling.finish();
    assert_eq!((program.active_drill_sessions(), program.lasting_drill_sessions()), (1, 0));
    drill(&program, &texts(&["--instance", &at, "--within", "60s"])).done();
    assert_eq!(program.active_drill_sessions(), 0);
    let verified = program.command(&["sessions", "verify"], "");
    assert!(verified.status.success(), "{verified:?}");
});

on_both_stacks!(drill_account_is_nobodys, |stack| async {
    let pages = TempDir::new().unwrap();
    fs::write(pages.path().join("index.html"), "<p>Handbook</p>").unwrap();
    let program = TestApp::builder(stack)
        .var("BASE_URL", "http://login.example.org")
        .var("SECOND_FACTOR", "everyone")
        .var("PAGES_DIR", pages.path().display())
        .start_program();
    let email = "Drill@Canary.INVALID";
    let fields =
        [("name", "Eve"), ("email", email), ("password", PASSWORD), ("password_confirmation", PASSWORD)];
    let refused = program.client().post("/register", &fields).await.expect(422);
    assert!(refused.field_error("email").is_some(), "{}", refused.summary());
    let at = format!("http://{}", program.addr());
    let run = || drill(&program, &texts(&["--instance", &at, "--within", "60s"]));
    let table = run().done();
    assert!(table.contains(" /pages/ ") && table.contains("Drill passed: 4 of 4 refused"), "{table}");

    let sign_in = async |password: &str| {
        let client = program.client();
        post_password(&client, "/login", &[("email", CANARY), ("password", password)]).await
    };
    sign_in(PASSWORD).await.expect(401);
    program.command(&["user", "reset-password", CANARY, "--password-stdin"], PASSWORD).done();
    // Whoever has set a password has not got the account.
    run().done();
    sign_in(PASSWORD).await.expect(401);
    program.command(&["user", "deactivate", CANARY], "").done();
    assert!(could_not_run(run()).contains("is deactivated"));
    program.command(&["user", "activate", CANARY], "").done();
    program.command(&["user", "set-role", CANARY, "admin"], "").done();
    let said = could_not_run(run());
    assert!(said.contains("is an administrator"), "{said}");
    assert_eq!(program.active_drill_sessions(), 0);
});

#[actix_web::test]
async fn drill_checks_the_certificate_of_the_site() {
    let (folder, addr) = (TempDir::new().unwrap(), free_addr());
    certificates::make(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let program = TestApp::builder(Stack::PostgresRedis)
        .var("BASE_URL", format!("https://{addr}"))
        .var("TRUSTED_PROXIES", "127.0.0.1")
        .var("SSL_CERT_FILE", file("ca.pem"))
        .start_program();
    // The helper puts the address where the comment is.
    let listen = format!("listen {addr} ssl; # listen 80;");
    let names = format!(
        "server_name 127.0.0.1; ssl_certificate {}; ssl_certificate_key {};",
        file("cert.pem"),
        file("key.pem")
    );
    let conf = INSTANCES.replace("listen 80; #", &listen).replace("server_name login.example.org;", &names);
    let _nginx = nginx(&conf, addr, program.addr(), program.addr());
    let table = drill(&program, &texts(&["--within", "60s"])).done();
    assert!(table.contains("Drill passed: 4 of 4 refused"), "{table}");
    let said = could_not_run(program.command_with(("SSL_CERT_FILE", "/dev/null"), &["drill"]));
    assert!(said.contains("no TLS: "), "{said}");
}
