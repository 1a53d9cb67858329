//! Tests the description of the calls and the page of it.

use std::collections::BTreeSet;

use crate::support::{routes::call_routes, *};

on_both_stacks!(description_has_every_call, |stack| async {
    let app = TestApp::start(stack).await;
    let answer = app.client().get("/auth/openapi.json").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let described = answer.json();
    assert!(described["openapi"].as_str().unwrap().starts_with("3."), "{}", described["openapi"]);
    assert_eq!(described["components"]["securitySchemes"]["cookie"]["name"], COOKIE);
    assert_eq!(described["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let mut found = BTreeSet::new();
    for (path, item) in described["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.insert(format!("{} {path}", method.to_uppercase()));
            for text in ["summary", "description", "operationId"] {
                assert!(
                    operation[text].as_str().is_some_and(|text| !text.is_empty()),
                    "{method} {path}: {text}"
                );
            }
            assert!(operation["responses"]["503"].is_object(), "{method} {path}");
            let body = &operation["requestBody"];
            assert!(body.is_null() || body["required"] == (method != "delete"), "{method} {path}");
        }
    }
    let routes: BTreeSet<String> =
        call_routes().into_iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(found, routes);
    // Unknown fields are refused, so the description has to say so.
    for name in ["Registration", "Credentials", "SecondStepFields", "Profile", "Confirmation"] {
        assert_eq!(described["components"]["schemas"][name]["additionalProperties"], false, "{name}");
    }
    assert!(!answer.body.contains("# Errors"));
});

on_both_stacks!(description_has_the_longest_password, |stack| async {
    let app = TestApp::start(stack).await;
    let described = app.client().get("/auth/openapi.json").await.expect(200).json();
    let password = &described["components"]["schemas"]["Registration"]["properties"]["password"];
    let longest = usize::try_from(password["maxLength"].as_u64().unwrap()).unwrap();
    for (length, status) in [(longest + 1, 422), (longest, 201)] {
        let password: String = random_secret().chars().cycle().take(length).collect();
        let sent = serde_json::json!({"name": "Ada", "email": "ada@example.org", "password": password});
        let answer = app.client().post_json("/auth/register", &sent).await;
        assert_eq!(answer.status, status, "{length}: {}", answer.summary());
    }
});

on_both_stacks!(docs_page_shows_every_call, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    for client in [&client, &app.client()] {
        let page = client.get("/auth/docs").await.expect(200);
        assert_page(&page);
        let text = page.text();
        for route in call_routes() {
            assert!(
                text.contains(&format!("{} {}", route.method, route.path)),
                "{} {}",
                route.method,
                route.path
            );
        }
        let ids: BTreeSet<String> = page.attributes("[id]", "id").into_iter().collect();
        for link in page.attributes("main a", "href") {
            let known = link.strip_prefix('#').is_none_or(|id| ids.contains(id));
            assert!(known, "{link} leads nowhere");
        }
    }
    let form = [("name", "Eve"), ("email", "ada.lovelace@example.org"), ("password", PASSWORD)];
    let taken = app.client().post("/auth/register", &form).await;
    let kind = taken.problem(409)["type"].as_str().unwrap().to_owned();
    let (page, id) = kind.split_once('#').unwrap();
    assert!(client.get(page).await.expect(200).attributes("[id]", "id").contains(&id.to_owned()), "{kind}");
});
