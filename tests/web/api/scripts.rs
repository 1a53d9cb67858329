//! Tests which scripts may call: those of this origin, and no other site.

use reqwest::Method;
use serde_json::json;

use crate::support::{routes::call_routes, *};

fn calls() -> Vec<(Method, String)> {
    let calls = call_routes().into_iter().filter(|route| route.method != "GET");
    calls.map(|route| (route.method.as_str().parse().unwrap(), routes::example(&route))).collect()
}

on_both_stacks!(call_from_another_site_403_writes_nothing, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let before = (app.written(), client.cookies());
    assert!(calls().len() >= 6);
    for (method, path) in calls() {
        for origin in ["https://evil.example", "null", "http://127.0.0.1", "https://localhost:3000"] {
            for site in ["cross-site", "same-site", "nonsense"] {
                let request = client.call(method.clone(), &path).json(&ada.credentials());
                let answer = request.header("origin", origin).header("sec-fetch-site", site).send().await;
                answer.problem(403);
                assert_eq!(answer.set_cookies(), []);
            }
            let request = client.call(method.clone(), &path).without_origin().json(&ada.credentials());
            request.header("origin", origin).send().await.problem(403);
        }
    }
    assert_eq!((app.written(), client.cookies()), before);
});

on_both_stacks!(call_of_script_of_this_origin_passes, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    for mode in ["cors", "same-origin", "navigate"] {
        let request = client.call(Method::PUT, "/auth/profile").header("sec-fetch-mode", mode);
        request.json(&json!({"name": mode})).send().await.expect(200);
    }
    let own = format!("http://{}", app.addr());
    let request = client.call(Method::PUT, "/auth/profile").without_origin().header("origin", &own);
    request.json(&json!({"name": "Ada"})).send().await.expect(200);
    let script = client.request(Method::PUT, "/auth/profile").without_origin().json(&json!({"name": "Ada"}));
    script.send().await.expect(200);
});
