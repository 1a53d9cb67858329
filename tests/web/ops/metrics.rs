//! Tests `/metrics` on the operator's listener.

use std::{
    io::Write as _,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{metrics::Metrics, *};

on_both_stacks!(metrics_tell_the_active_sessions_of_the_site, |stack| async {
    let app = TestApp::builder(stack).with_ops().start().await;
    let (ada, _client) = app.person("Ada Lovelace").await;
    ada.sign_in(&app.client()).await;
    assert_eq!(Metrics::of(&app).await.value("sessions_active"), 2.0);
});

on_both_stacks!(metrics_tell_the_open_connections, |stack| async {
    let app = TestApp::builder(stack).with_ops().start().await;
    let open = || async { Metrics::of(&app).await.value("connections") };
    let idle = open().await;
    let streams: Vec<_> = (0..3).map(|_| TcpStream::connect(app.addr()).unwrap()).collect();
    eventually(|| async { open().await == idle + 3.0 }).await;
    drop(streams);
    eventually(|| async { open().await == idle }).await;
    assert!(Metrics::of(&app).await.value("connections_limit") >= 4.0);
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
    assert!(!metrics.names().any(|name| name.starts_with("sessions_active")), "not known now");
    assert!(metrics.value("db_unavailable_total") > 0.0);
    eventually(|| async { Metrics::of(&app).await.value("db_hanging") == 1.0 }).await;
    app.postgres_proxy().set(ProxyMode::Pass);
    eventually(|| async {
        let metrics = Metrics::of(&app).await;
        metrics.value("db_hanging") == 0.0 && metrics.names().any(|name| name == "clock_difference_seconds")
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
    app.insert_drill();
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
    let [rules, tests] = ["alerts.yml", "alerts-test.yml"]
        .map(|file| std::fs::read_to_string(Path::new("docs/examples").join(file)).unwrap());
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let raised = format!("alertname: {alert}\n        exp_alerts:\n          - exp_labels");
        assert!(tests.contains(&raised), "{alert} is never raised");
        assert!(tests.contains(&format!("alertname: {alert}, exp_alerts: []")), "{alert} is never quiet");
    }
    let dashboard = std::fs::read_to_string("docs/examples/grafana-dashboard.json").unwrap();
    assert!(
        serde_json::from_str::<serde_json::Value>(&dashboard).unwrap()["panels"].as_array().unwrap().len()
            > 5
    );
}
