//! Tests `/login` and `/logout`.

use reqwest::Method;

use crate::support::{
    routes::{all_routes, example},
    timing::assert_same_time,
    *,
};

const WRONG: &str = "Email or password is incorrect.";

on_both_stacks!(login_redirects_to_profile_and_shows_user, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    let page = client.get("/login").await.expect(200);
    assert_page(&page);
    assert_eq!(page.set_cookies(), [], "a visitor gets no cookie");
    ada.sign_in(&client).await;
    client.get("/").await.expect(200).has("You are signed in").has(&ada.name).has(&ada.email);
    app.client().get("/").await.expect(200).has("You are not signed in.").lacks(&ada.name);
    assert_eq!(app.event_count_of("sign_in_failed"), 0);
});

on_both_stacks!(login_email_ignores_case_and_spaces, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for email in ["ADA.LOVELACE@EXAMPLE.ORG", " ada.lovelace@example.org "] {
        let fields = [("email", email), ("password", ada.password.as_str())];
        app.client().post("/login", &fields).await.to("/profile");
    }
});

on_both_stacks!(login_unknown_email_and_wrong_password_same_401, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    let mut answers = Vec::new();
    // Both addresses have the same length, so that whole pages can be compared.
    let unknown = ada.email.replace("ada.", "eve.");
    for (email, password) in [(&ada.email, "wrong-anchor-93-maple"), (&unknown, PASSWORD)] {
        let page = client.post("/login", &[("email", email), ("password", password)]).await.expect(401);
        assert_page(&page);
        assert_eq!(page.texts("[role=alert]"), [WRONG]);
        assert_eq!(
            (page.value_of("email").as_ref(), page.value_of("password").as_deref()),
            (Some(email), Some(""))
        );
        assert!(!page.body.contains(password), "a password was sent back");
        assert_eq!(page.set_cookies(), []);
        let mut headers: Vec<_> =
            page.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.retain(|line| !line.starts_with("date:") && !line.starts_with("x-request-id:"));
        headers.sort();
        answers.push((headers, page.body.replace(email.as_str(), "ADDRESS")));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(app.event_count_of("sign_in_failed"), 2);
    app.set_active(&ada, false);
    let page = client.post("/login", &[("email", &ada.email), ("password", PASSWORD)]).await.expect(401);
    assert_eq!(
        page.body.replace(&ada.email, "ADDRESS"),
        answers[0].1,
        "a deactivated account gets the same page"
    );
});

on_both_stacks!(login_takes_the_same_time_for_known_and_unknown, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    assert_same_time(async |is_known, _| {
        let email = if is_known { &*ada.email } else { "nobody@example.org" };
        let fields = [("email", email), ("password", "wrong")];
        let _ = client.post("/login", &fields).await.expect(401);
    })
    .await;
});

on_both_stacks!(login_incomplete_form_422_keeps_values, |stack| async {
    let app = TestApp::start(stack).await;
    let client = app.client();
    for (fields, field, email, remember) in [
        (vec![], "email", "", None),
        (vec![("email", "ada@example.org"), ("remember", "on")], "password", "ada@example.org", Some("on")),
        (vec![("email", "ada"), ("password", PASSWORD)], "email", "ada", None),
    ] {
        let page = client.post("/login", &fields).await.expect(422);
        assert_page(&page);
        assert!(page.field_error(field).is_some(), "{field}: {}", page.summary());
        assert_eq!(page.value_of("email").as_deref(), Some(email));
        assert_eq!(page.value_of("remember").as_deref(), remember);
        assert!(!page.body.contains(PASSWORD));
    }
    assert_eq!(app.event_count_of("sign_in_failed"), 0);
});

on_both_stacks!(login_next_stays_on_this_site, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let sign_in = async |next: &str| {
        let fields = [("email", ada.email.as_str()), ("password", PASSWORD), ("next", next)];
        app.client().post("/login", &fields).await.expect(303).location().unwrap().to_owned()
    };
    for next in ["/sessions", "/admin/sessions?q=a%26b&ip=10.0.0.0%2F8", "/pages/a/b.html"] {
        assert_eq!(sign_in(next).await, next);
    }
    let here = url::Url::parse("http://localhost:3000/login").unwrap();
    for next in [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example/profile",
        "%2f%2fevil.example",
        "/%2f%2fevil.example",
        "/%5cevil.example",
        "/\t/evil.example",
        "/\r\nLocation: https://evil.example",
        "/.//evil.example",
        "javascript:alert(1)",
        "///evil.example",
        "@evil.example",
        "",
    ] {
        let location = sign_in(next).await;
        assert!(location.starts_with('/') && !location.starts_with("//"), "{next:?} leads to {location}");
        assert_eq!(here.join(&location).unwrap().origin(), here.origin(), "{next:?} leads to {location}");
    }
});

on_both_stacks!(login_next_kept_after_wrong_password, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    let page = client.get("/sessions?x=1").await;
    let page = client.follow(page).await.expect(200);
    let form = page.form("/login");
    let page =
        client.post("/login", &form.with(&[("email", &ada.email), ("password", "wrong")])).await.expect(401);
    let form = page.form("/login");
    client.post("/login", &form.with(&[("password", PASSWORD)])).await.to("/sessions?x=1");
});

on_both_stacks!(login_remembered_cookie_outlives_browser, |stack| async {
    let app = TestApp::builder(stack).var("SESSION_REMEMBER_TTL", "10d").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (plain, remembered) = (app.client(), app.client());
    ada.sign_in(&plain).await;
    ada.sign_in_remembered(&remembered).await;
    let session = |client: &Client| client.cookie("gatehouse").unwrap();
    assert_eq!((session(&plain).max_age(), session(&remembered).max_age()), (None, Some(864_000)));
    for client in [&plain, &remembered] {
        client.close();
    }
    plain.get("/profile").await.to("/login?next=%2Fprofile");
    let page = remembered.get("/profile").await.expect(200);
    assert!(
        page.set_cookies()
            .iter()
            .any(|cookie| cookie.name == "gatehouse" && cookie.max_age() == Some(864_000))
    );
});

on_both_stacks!(login_again_replaces_session, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let thief = client.copy();
    ada.sign_in(&client).await;
    assert_ne!(client.cookie("gatehouse"), thief.cookie("gatehouse"), "the sign-in sets a new key");
    thief.get("/profile").await.to("/login?next=%2Fprofile");
    assert_eq!(client.get("/sessions").await.texts("li.session").len(), 1);
});

on_both_stacks!(logout_ends_session_in_browser_and_store, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (id, copy) = (app.session_of(&ada), client.copy());
    let answer = client.post("/logout", &[]).await.to("/");
    assert!(answer.header("clear-site-data").is_some_and(|value| value.contains("\"cache\"")));
    assert_eq!(client.cookie("gatehouse"), None);
    client.get("/").await.expect(200).has("You are signed out.").has("You are not signed in.");
    copy.get("/profile").await.to("/login?next=%2Fprofile");
    copy.post("/logout", &[]).await.to("/");
    if stack == Stack::PostgresRedis {
        assert_eq!(app.redis().keys(), Vec::<String>::new());
    }
    let end = app.session_end(&id).unwrap();
    assert_eq!((end.reason.as_str(), end.state), ("logout", None));
});

on_both_stacks!(login_and_register_lead_signed_in_user_onwards, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for path in ["/login", "/register"] {
        client.get(&format!("{path}?next=%2Fsessions%3Fa%3Db")).await.to("/sessions?a=b");
        for next in ["", "?next=", "?next=https%3A%2F%2Fevil.example", "?next=%2Flogin"] {
            let page = client.get(&format!("{path}{next}")).await.expect(200);
            assert_page(&page);
            let page = page.has("You are signed in as").has(&ada.name).has(&ada.email);
            assert_eq!(page.attributes("main .notice a", "href"), ["/profile"]);
            page.form(path);
        }
        app.client().get(&format!("{path}?next=%2Fsessions")).await.expect(200).lacks("You are signed in");
    }
    let (grace, _) = app.person("Grace Hopper").await;
    grace.sign_in(&client).await;
    client.get("/profile").await.expect(200).has(&grace.email);
});

on_both_stacks!(page_with_repeated_query_field_uses_first, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for path in ["/login", "/register"] {
        let page = app.client().get(&format!("{path}?next=%2Fsessions&next=%2Factivity")).await.expect(200);
        assert_eq!(page.value_of("next").as_deref(), Some("/sessions"));
        admin.get(&format!("{path}?next=%2Fsessions&next=%2Factivity")).await.to("/sessions");
    }
    app.client().get("/password/reset?token=x&token=y").await.expect(404);
    app.client().get("/setup?token=x&token=y").await.expect(404);
    for path in [
        "/admin/sessions?q=Grace&q=nobody",
        "/admin/users?q=Grace&q=nobody",
        "/admin/events?q=Grace&q=nobody",
        "/admin?range=24h&range=30d",
        "/activity?after=&after=x",
        "/confirm-password?next=/admin&next=/",
        "/admin/events.csv?q=Grace&q=nobody",
    ] {
        let page = admin.get(path).await.expect(200);
        if path.contains("q=") {
            assert!(page.text().contains("Grace Hopper") || page.text().contains("grace"), "{}", page.text());
        }
    }
});

on_both_stacks!(browser_that_did_not_keep_the_cookie_is_told, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let get = async |path: &str, from: &str| {
        let browser = app.client();
        let mut answer = browser.request(Method::GET, path).header("referer", &app.url(from)).send().await;
        while let Some(location) = answer.location().map(str::to_owned) {
            answer = browser.request(Method::GET, &location).header("referer", &app.url(from)).send().await;
        }
        answer.expect(200)
    };
    const LOST: &str = "your browser did not keep the cookie";
    for from in ["/login", "/login?next=%2Fsessions", "/register"] {
        let page = get("/sessions", from).await.has(LOST).has("Allow cookies for this site");
        assert_page(&page);
        assert_eq!(page.value_of("next").as_deref(), Some("/sessions"));
        // The tests open 127.0.0.1, which is another host than that of `BASE_URL`.
        let _ = page.has(&format!("to be opened at http://localhost:{}", app.addr().port()));
    }
    // Neither who comes from elsewhere, nor a link that somebody has made up or kept.
    let _ = get("/sessions", "/").await.lacks(LOST);
    let _ = get("/login?next=%2Fsessions", "/login").await.lacks(LOST);
    let _ = app.client().get("/login?next=%2Fsessions&cookie=lost").await.expect(200).lacks(LOST);
    let foreign = app.client();
    let foreign = foreign.request(Method::GET, "/sessions").header("referer", "https://evil.example/login");
    let _ = foreign.send().await.to("/login?next=%2Fsessions");
    // Nor who is signed in.
    let browser = app.client();
    ada.sign_in(&browser).await;
    let _ = browser
        .request(Method::GET, "/sessions")
        .header("referer", &app.url("/login"))
        .send()
        .await
        .expect(200);
    // Nor who has signed out and goes back.
    for browser in [&first, &browser] {
        browser.post("/logout", &[]).await.to("/");
    }
    let _ = get("/sessions", "/login").await.lacks(LOST);
});

on_both_stacks!(next_leads_to_pages_only, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let leads_to = async |next: &str| {
        let fields = [("email", grace.email.as_str()), ("password", PASSWORD), ("next", next)];
        app.client().post("/login", &fields).await.expect(303).location().unwrap().to_owned()
    };
    for line in all_routes().into_iter().filter(|line| line.method.as_str() == "GET") {
        let path = example(&line);
        let signs_in = ["/login", "/register", "/setup"].contains(&path.as_str());
        let is_file = path.starts_with("/static/") || path.starts_with("/.well-known/");
        let is_page = admin.get(&path).await.is_html() && !is_file && !signs_in;
        let leads = if is_page { path.clone() } else { "/profile".to_owned() };
        assert_eq!(leads_to(&path).await, leads, "{path}");
    }
    for next in [
        "/session/events?list=on",
        "/session/%65vents",
        "/session/./events",
        "/x/../session/events",
        "/x/%2e%2e/session/events",
        "/%73ession/events#x",
        "/admin/events.csv?q=a",
        "/profile/export?x=1",
        "/readyz?",
        "/%6cogin",
    ] {
        assert_eq!(leads_to(next).await, "/profile", "{next}");
        let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        admin.get(&format!("/login?next={encoded}")).await.expect(200);
    }
});
