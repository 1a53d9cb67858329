//! Tests `/metrics` on the operator's listener.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use crate::support::*;

/// The samples of a page of metrics, by name and labels.
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    async fn of(app: &TestApp) -> Self {
        Self::parse(&app.ops().get("/metrics").await.expect(200).body)
    }

    fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        Self(samples.map(sample).collect())
    }

    fn value(&self, sample: &str) -> f64 {
        self.0.get(&format!("gatehouse_{sample}")).copied().unwrap_or(0.0)
    }

    /// Names with their labels, without the values.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn request(route: &str, method: &str, status: u16) -> String {
    format!("http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}")
}

on_both_stacks!(metrics_count_what_a_visit_did, |stack| async {
    let app = TestApp::builder(stack).with_ops().var("THROTTLE", "on").start().await;
    let before = Metrics::of(&app).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    client.get("/profile").await.expect(200);
    client.get("/profile").await.expect(200);
    client.get("/no-such-page").await.expect(404);
    let wrong = [("email", ada.email.as_str()), ("password", "not the password")];
    app.client().post("/login", &wrong).await.expect(401);
    let second = app.client();
    ada.sign_in(&second).await;
    second.post("/logout", &[]).await.expect(303);

    let after = Metrics::of(&app).await;
    let more = |sample: &str| after.value(sample) - before.value(sample);
    for (sample, times) in [
        (request("/profile", "GET", 200).as_str(), 2.0),
        (&request("none", "GET", 404), 1.0),
        (&request("/login", "POST", 401), 1.0),
        (&request("/login", "POST", 303), 1.0),
        (&request("/logout", "POST", 303), 1.0),
        ("http_request_seconds_count{route=\"/profile\"}", 2.0),
        ("sign_ins_total{result=\"success\",method=\"password\"}", 1.0),
        ("sign_ins_total{result=\"failure\",method=\"password\"}", 1.0),
        ("sessions_started_total{method=\"password\"}", 2.0),
        ("sessions_ended_total{reason=\"logout\"}", 1.0),
    ] {
        assert_eq!(more(sample), times, "{sample}");
    }
    assert!(more("db_work_seconds_count") > 3.0 && more("lookup_batch_size_count") >= 3.0);
    assert!(more("hash_seconds_count") >= 3.0);
    assert_eq!(more("redis_seconds_count") > 3.0, stack == Stack::PostgresRedis);
    assert_eq!(more("http_requests_total{route=\"/metrics\""), 0.0, "the operator's listener does not count");
});

on_both_stacks!(metrics_tell_the_active_sessions_of_the_site, |stack| async {
    let app = TestApp::builder(stack).with_ops().start().await;
    let (ada, _client) = app.person("Ada Lovelace").await;
    ada.sign_in(&app.client()).await;
    assert_eq!(Metrics::of(&app).await.value("sessions_active"), 2.0);
});

on_both_stacks!(metrics_have_no_label_that_grows_with_users, |stack| async {
    let app = TestApp::builder(stack).with_ops().start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = app.session_of(&ada);
    client.get(&format!("/sessions/{id}/end")).await;
    client.get("/pages/made-up-by-a-client").await;
    client.request(reqwest::Method::from_bytes(b"MADEUP").unwrap(), "/profile").send().await;
    let metrics = Metrics::of(&app).await;
    for name in metrics.names() {
        for grows in [id.as_str(), &ada.email, "made-up", "MADEUP"] {
            assert!(!name.contains(grows), "{name}");
        }
    }
});

on_both_stacks!(metrics_pass_promtool, |stack| async {
    let app = TestApp::builder(stack).with_ops().start().await;
    app.person("Ada Lovelace").await;
    let text = app.ops().get("/metrics").await.expect(200).body;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && said.is_empty(), "{said}\n{text}");
});

#[actix_web::test]
async fn metrics_are_answered_while_the_database_hangs() {
    let app = TestApp::builder(Stack::PostgresRedis)
        .with_ops()
        .through_proxies()
        .var("STORE_TIMEOUT", "250ms")
        .start()
        .await;
    app.postgres_proxy().set(ProxyMode::Blackhole);
    let metrics = Metrics::of(&app).await;
    assert!(!metrics.names().any(|name| name.starts_with("gatehouse_sessions_active")), "not known now");
    assert!(metrics.value("db_unavailable_total") > 0.0);
    eventually(|| async { Metrics::of(&app).await.value("db_hanging") == 1.0 }).await;
    app.postgres_proxy().set(ProxyMode::Pass);
    eventually(|| async {
        let metrics = Metrics::of(&app).await;
        metrics.value("db_hanging") == 0.0
            && metrics.names().any(|name| name == "gatehouse_clock_difference_seconds")
    })
    .await;
}

/// The names that a file of the documentation asks for.
fn documented(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("docs/{file}")).unwrap();
    let names = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with("gatehouse_")).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

#[actix_web::test]
async fn documented_metrics_exist_and_all_are_documented() {
    let app = TestApp::builder(Stack::PostgresRedis).with_ops().var("THROTTLE", "on").start().await;
    app.client().get("/login").await.expect(200);
    let swept = "sweep_last_success_timestamp_seconds";
    eventually(|| async { Metrics::of(&app).await.value(swept) > 0.0 }).await;
    let text = app.ops().get("/metrics").await.expect(200).body;
    // Counters and histograms are declared from the start, by the name that samples begin with.
    let declared: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let is_of = |name: &str, declared: &str| {
        name.strip_prefix(declared).is_some_and(|rest| matches!(rest, "" | "_bucket" | "_sum" | "_count"))
    };
    for file in ["metrics.md", "examples/alerts.yml", "examples/grafana-dashboard.json"] {
        let names = documented(file);
        assert!(names.len() > 5, "{file}");
        for name in names {
            assert!(declared.iter().any(|declared| is_of(&name, declared)), "{file}: {name} is not exported");
        }
    }
    let listed = documented("metrics.md");
    for declared in declared {
        assert!(listed.iter().any(|name| name == declared), "{declared} is not in docs/metrics.md");
    }
}

#[test]
fn alert_rules_pass_promtool() {
    let checked =
        Command::new("promtool").args(["check", "rules", "docs/examples/alerts.yml"]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let tested =
        Command::new("promtool").args(["test", "rules", "docs/examples/alerts-test.yml"]).output().unwrap();
    assert!(
        tested.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tested.stdout),
        String::from_utf8_lossy(&tested.stderr)
    );
    let dashboard = std::fs::read_to_string("docs/examples/grafana-dashboard.json").unwrap();
    assert!(
        serde_json::from_str::<serde_json::Value>(&dashboard).unwrap()["panels"].as_array().unwrap().len()
            > 5
    );
}
