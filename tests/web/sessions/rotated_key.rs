//! Tests requests that were in flight while their session got a new key: nobody is sent to the sign-in page.

use std::rc::Rc;

use actix_web::rt::spawn;
use gatehouse::security::api::is_json;
use reqwest::Method;

use crate::support::{
    concurrent::send_form,
    routes::session_routes,
    test_routes::{builder_on, start, start_on},
    *,
};

const PAGE: (&str, &str) = ("sec-fetch-mode", "navigate");

/// What marks requests of scripts, streams and parts of pages.
const SCRIPTS: [(&str, &str); 6] = [
    ("accept", "application/json"),
    ("accept", "text/event-stream"),
    ("x-background", "1"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-mode", "same-origin"),
];

/// Gives the client's session a new key; returns a client that still has the old one.
async fn rotate(client: &Client) -> Client {
    let old = client.copy();
    client.post("/test/rotate", &[]).await.expect(200);
    old
}

on_all_backends!(rotated_key_sends_pages_to_same_address, |backend| async {
    let (builder, _) = builder_on(backend);
    let app = builder.start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let old = rotate(&client).await;
    for path in
        ["/profile?tab=a%20b&x=1", "/", "/login?next=%2Fprofile", "/sessions", "/none", "/pages/a.html"]
    {
        app.set_rotated_ago(0);
        old.get(path).await.to(path);
        old.request(Method::HEAD, path).header(PAGE.0, PAGE.1).send().await.to(path);
    }
    let form = [("name", "Countess")];
    app.set_rotated_ago(0);
    let answer = old.post("/profile", &form).await.expect(307);
    assert_eq!(answer.location(), Some("/profile"));
    assert_eq!(answer.set_cookies(), [], "the browser has a newer cookie");
    client.get("/profile").await.expect(200).has(&ada.name);
    client.post(answer.location().unwrap(), &form).await.to("/profile");
    client.get("/profile").await.expect(200).has("Countess");
});

on_both_stacks!(rotated_key_asks_scripts_to_try_again, |stack| async {
    let (app, _) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let old = rotate(&client).await;
    for (name, value) in SCRIPTS {
        for (method, path) in
            [(Method::GET, "/profile"), (Method::GET, "/session/events"), (Method::POST, "/profile")]
        {
            if method == Method::POST && name == "sec-fetch-mode" {
                // The cross-origin check comes first.
                old.request(method, path).header(name, value).send().await.expect(403);
                continue;
            }
            app.set_rotated_ago(0);
            let answer = old.request(method, path).header(name, value).send().await.expect(503);
            assert!(answer.header("retry-after").is_some(), "{name}: {value}");
            assert_eq!((answer.location(), answer.set_cookies()), (None, vec![]), "{name}: {value}");
        }
    }
    client.get("/profile").await.expect(200);
});

on_both_stacks!(rotated_key_reaches_no_handler, |stack| async {
    let (app, _) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let old = rotate(&client).await;
    for route in session_routes() {
        let path = route.path.replace("{path:admin(?:/.*)?}", "admin/x").replace("{path:.*}", "x");
        let path = path.replace("{id}", "x");
        for method in ["GET", "POST", "PUT"] {
            app.set_rotated_ago(0);
            let request = old.request(method.parse().unwrap(), &path).form(&[("next", "/profile")]);
            if is_json(&path) {
                // A script sends it again; what signs in asks for no session, nor does what brings a proof of the session's key.
                let status = request.send().await.status;
                let asks_for_none =
                    path.starts_with("/login/") || ["/session/bind", "/session/refresh"].contains(&&*path);
                assert!(status == 503 || asks_for_none, "{method} {path}: {status}");
                continue;
            }
            let answer = request.send().await.expect(if method == "GET" { 303 } else { 307 });
            assert_eq!(answer.location(), Some(path.as_str()), "{}", answer.summary());
        }
    }
});

on_all_backends!(rotated_key_known_over_several_rotations_and_instances, |backend| async {
    let (app, _) = start_on(backend).await;
    let second = app.second_instance().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let oldest = rotate(&client).await;
    let older = rotate(&client.at(&second)).await;
    for old in [&oldest, &older, &oldest.at(&second)] {
        // They are known for seconds, which a busy machine may take by itself.
        app.set_rotated_ago(0);
        old.get("/profile").await.to("/profile");
    }
});

on_both_stacks!(rotated_key_forgotten_after_seconds, |stack| async {
    let (app, _) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let old = rotate(&client).await;
    app.set_rotated_ago(6);
    old.get("/profile").await.to("/login?next=%2Fprofile");
    old.get("/").await.expect(200).has("You are not signed in.");
    old.post("/profile", &[("name", "Thief")]).await.expect(401);
});

#[actix_web::test]
async fn rotated_key_loop_ends_at_sign_in_page() {
    let (app, _) = start(Stack::Sqlite).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let old = rotate(&client).await;
    let page = old.get_following("/profile").await.expect(200);
    page.form("/login");
}

on_both_stacks!(rotated_key_of_ended_session_is_like_any_other, |stack| async {
    let (app, _) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let old = rotate(&client).await;
    let last = client.copy();
    client.post("/logout", &[]).await.to("/");
    for dead in [&old, &last] {
        dead.get("/profile").await.to("/login?next=%2Fprofile");
        dead.request(Method::GET, "/profile").header("accept", "application/json").send().await.expect(401);
        dead.post("/profile", &[("name", "Thief")]).await.expect(401);
    }
});

on_both_stacks!(rotated_key_location_stays_on_this_site, |stack| async {
    let (app, _) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let old = rotate(&client).await;
    for target in ["//evil.example/", "/\\evil.example/"] {
        app.set_rotated_ago(0);
        let answer = app.raw(&old, "GET", target).await;
        assert!(answer.text.contains(&format!("location: /.{target}\r\n")), "{}", answer.text);
    }
});

/// Loads pages beside each other with the cookies of one browser, as it would, and asserts that each shows its page.
async fn assert_all_load(client: &Rc<Client>, count: usize) {
    let loads: Vec<_> = (0..count)
        .map(|_| {
            let client = client.clone();
            spawn(async move { client.get_following("/profile").await })
        })
        .collect();
    for load in loads {
        let page = load.await.unwrap().expect(200);
        assert_eq!(page.request, "GET /profile", "{}", page.summary());
    }
}

on_both_stacks!(role_change_beside_many_loads_shows_no_sign_in_page, |stack| async {
    let (app, _) = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let client = Rc::new(client);
    for role in ["admin", "user"] {
        let path = format!("/admin/users/{}/role", app.user_id(&ada));
        let answer = admin.post(&path, &[("role", role)]).await;
        assert_eq!(answer.status, 303, "{}", answer.summary());
        assert_all_load(&client, 24).await;
    }
});

on_both_stacks!(confirmation_beside_many_loads_shows_no_sign_in_page, |stack| async {
    let (app, _) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let client = Rc::new(client);
    for _ in 0..4 {
        let confirming = send_form(&client, "/confirm-password", &[("password", &ada.password)]);
        assert_all_load(&client, 24).await;
        let confirmed = confirming.await.unwrap();
        assert!(matches!(confirmed.status, 303 | 307), "{}", confirmed.summary());
    }
});
