//! Tests `/readyz` and the operator's listener.

use crate::support::*;

on_both_stacks!(readiness_has_details_on_ops_addr_alone, |stack| async {
    let app = TestApp::builder(stack).with_ops().start().await;
    assert_eq!(app.client().get("/readyz").await.expect(200).json(), serde_json::json!({ "ready": true }));
    let mut details = app.ops().get("/readyz").await.expect(200).json();
    let clock = details.as_object_mut().unwrap().remove("clock_ahead_seconds").unwrap();
    assert!(clock.as_f64().is_none_or(|ahead| ahead.abs() < 5.0), "{clock}");
    assert_eq!(clock.is_null(), stack == Stack::Sqlite, "only another machine's clock is another");
    let up = serde_json::json!({ "state": "up" });
    assert_eq!(details, serde_json::json!({ "ready": true, "database": up, "session_store": up }));
    app.client().get("/metrics").await.expect(404);
    app.ops().get("/healthz").await.expect(200);
    app.ops().get("/profile").await.expect(404);
});

#[actix_web::test]
async fn ops_listener_that_is_taken_stops_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let refused = TestApp::builder(Stack::Sqlite).var("OPS_ADDR", addr).try_start().await;
    let Err(said) = refused.map(drop) else { panic!("it started") };
    let next = addr.port().checked_add(1).unwrap_or(3000);
    assert!(
        said.contains(&format!(
            "{addr} is taken by another program; set another, such as OPS_ADDR=127.0.0.1:{next}"
        )),
        "{said}"
    );
}

#[test]
fn ops_addr_on_the_internet_or_the_site_itself_is_refused() {
    let check = |addr: &str| {
        let vars = [("OPS_ADDR", addr), ("LISTEN_ADDR", "127.0.0.1:3000")];
        let vars: Vec<_> =
            vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Program::run(&["check-config"], &vars, "").failed()
    };
    assert!(check("8.8.8.8:9100").contains("reached from the internet at 8.8.8.8"));
    for wrong in ["127.0.0.1:3000", "9100", "localhost"] {
        let said = check(wrong);
        assert!(said.starts_with("OPS_ADDR: ") && said.contains("such as 127.0.0.1:9100"), "{said}");
    }
}
