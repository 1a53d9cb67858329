//! Tests the log entry of each request, and the id that it has in common with the answer.

use crate::support::*;

/// The log entries of requests, as JSON.
fn entries(program: &Program) -> Vec<serde_json::Value> {
    let output = program.output();
    let entries = output.lines().filter_map(|line| serde_json::from_str(line).ok());
    entries.filter(|entry: &serde_json::Value| entry["target"] == "gatehouse::requests").collect()
}

async fn entry(program: &Program, id: &str) -> serde_json::Value {
    let of_request =
        || entries(program).into_iter().filter(|entry| entry["request_id"] == id).collect::<Vec<_>>();
    eventually(|| async { !of_request().is_empty() }).await;
    let mut found = of_request();
    assert_eq!(found.len(), 1, "one entry a request: {found:?}");
    found.remove(0)
}

fn request_id(answer: &Answer) -> String {
    let id = answer.header("x-request-id").unwrap().to_owned();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    id
}

on_both_stacks!(request_is_logged_once_with_the_id_of_its_answer, |stack| async {
    let program = TestApp::builder(stack).var("LOG_FORMAT", "json").start_program();
    let client = program.client();
    let ada = Person::new("Ada Lovelace");
    ada.register(&client).await.expect(303);
    let (user, session) = (program.stores().user_id(&ada), program.stores().session_of(&ada));
    let answer = client.get("/profile?token=of-nobody").await.expect(200);
    let logged = entry(&program, &request_id(&answer)).await;
    assert_eq!([&logged["method"], &logged["path"]], ["GET", "/profile"], "{logged}");
    assert_eq!(logged["status"], 200, "{logged}");
    assert_eq!(logged["ip"], "127.0.0.1", "{logged}");
    assert_eq!(logged["user"].to_string(), user, "{logged}");
    assert_eq!(logged["session"], session, "{logged}");
    assert!(logged["ms"].as_f64().unwrap() > 0.0, "{logged}");
    assert!(!program.output().contains("of-nobody"), "queries have tokens");
});

on_both_stacks!(error_page_and_problem_say_the_id_of_the_request, |stack| async {
    let app = TestApp::start(stack).await;
    let page = app.client().get("/no-such-page").await.expect(404);
    assert!(page.body.contains(&request_id(&page)), "{}", page.body);
    let problem = app
        .client()
        .request(reqwest::Method::GET, "/no-such-page")
        .header("accept", "application/json")
        .send()
        .await
        .expect(404);
    assert_eq!(problem.json()["request_id"], request_id(&problem));
});

on_both_stacks!(trace_of_a_proxy_is_taken_over, |stack| async {
    let program = TestApp::builder(stack).var("LOG_FORMAT", "json").start_program();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (parent, trace_id) in
        [(format!("00-{trace}-00f067aa01a902b7-01"), Some(trace)), ("\"}{".to_owned(), None)]
    {
        let client = program.client();
        let request = client.request(reqwest::Method::GET, "/").header("traceparent", &parent);
        let logged = entry(&program, &request_id(&request.send().await.expect(200))).await;
        assert_eq!(logged["trace_id"].as_str(), trace_id, "{logged}");
    }
});

on_both_stacks!(probes_are_not_logged, |stack| async {
    let program = TestApp::builder(stack).var("LOG_FORMAT", "json").var("RUST_LOG", "").start_program();
    program.client().get("/healthz").await.expect(200);
    program.client().get("/readyz").await.expect(200);
    let last = program.client().get("/login").await.expect(200);
    entry(&program, &request_id(&last)).await;
    let paths: Vec<_> = entries(&program).iter().map(|entry| entry["path"].to_string()).collect();
    assert!(!paths.iter().any(|path| path.contains("/healthz") || path.contains("/readyz")), "{paths:?}");
});
