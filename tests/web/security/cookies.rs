//! Tests the session cookie: attributes, contents, and the handling of forged cookies.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;

use crate::support::*;

on_both_stacks!(cookies_https_have_host_prefix_and_hsts, |stack| async {
    let app = TestApp::builder(stack).var("BASE_URL", "https://login.example.org").start().await;
    let (ada, remembered) = (Person::new("Ada Lovelace"), app.client());
    for answer in [
        ada.register(&app.client()).await,
        ada.sign_in_remembered(&remembered).await,
        remembered.get("/").await,
    ] {
        let hsts = answer.header("strict-transport-security").unwrap();
        let age: u64 = hsts.split(';').next().unwrap().trim_start_matches("max-age=").parse().unwrap();
        assert!(age >= 31_536_000, "{hsts}");
        let cookies = answer.set_cookies();
        assert!(!cookies.is_empty(), "{}", answer.summary());
        for cookie in cookies {
            assert!(cookie.name.starts_with("__Host-gatehouse"), "{cookie:?}");
            assert!(cookie.is("secure") && cookie.is("httponly") && !cookie.is("domain"), "{cookie:?}");
            assert_eq!(
                (cookie.attribute("path"), cookie.attribute("samesite")),
                (Some("/"), Some("Lax")),
                "{cookie:?}"
            );
        }
    }
    for path in ["/none", "/static/app.css", "/healthz"] {
        assert!(app.client().get(path).await.header("strict-transport-security").is_some(), "{path}");
    }
});

on_both_stacks!(cookies_follow_domain_and_samesite_settings, |stack| async {
    let app = TestApp::builder(stack)
        .var("BASE_URL", "https://login.example.org")
        .var("COOKIE_DOMAIN", "example.org")
        .var("COOKIE_SAMESITE", "strict")
        .start()
        .await;
    let (_, client) = app.person("Ada Lovelace").await;
    let cookie = client.cookie("__Secure-gatehouse").unwrap();
    assert_eq!(
        (cookie.attribute("domain"), cookie.attribute("samesite")),
        (Some("example.org"), Some("Strict"))
    );
    assert!(cookie.is("secure") && cookie.is("httponly"));
});

/// Asserts that a cookie value signs nobody in and that a sign-in replaces it.
async fn assert_not_adopted(app: &TestApp, ada: &Person, forged: &str) {
    let visitor = app.client();
    visitor.set_cookie("gatehouse", forged);
    let page = visitor.get("/").await.expect(200).has("You are not signed in.");
    assert_page(&page);
    visitor.set_cookie("gatehouse", forged);
    visitor.get("/profile").await.to("/login?next=%2Fprofile");
    visitor.set_cookie("gatehouse", forged);
    visitor.post("/profile", &[("name", "Thief")]).await.expect(401);
    visitor.set_cookie("gatehouse", forged);
    ada.sign_in(&visitor).await;
    assert_ne!(
        visitor.cookie("gatehouse").unwrap().value,
        forged,
        "a cookie value chosen by the client was adopted"
    );
}

on_both_stacks!(cookie_forged_is_anonymous, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = TestApp::start(Stack::Sqlite).await;
    let (_, elsewhere) = other.person("Ada Lovelace").await;
    let good = client.cookie("gatehouse").unwrap().value;
    let foreign = elsewhere.cookie("gatehouse").unwrap().value;
    let id = app.session_of(&ada);
    let (truncated, store_key) = (&good[..good.len() / 2], app.store_key_of(&id));
    let mut flipped = good.clone();
    flipped.replace_range(20..21, if &good[20..21] == "A" { "B" } else { "A" });
    let long = "x".repeat(3_000);
    let chosen = format!("p{}", "a".repeat(64));
    for forged in [
        "",
        "x",
        truncated,
        &flipped,
        &foreign,
        &store_key,
        &id,
        &long,
        &chosen,
        "%00",
        "%ff%fe",
        "\"quoted\"",
        "../..",
        "null",
        "1",
    ] {
        assert_not_adopted(&app, &ada, forged).await;
    }
    let raw = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: ", app.addr()).into_bytes();
    for cookie in
        [&b"gatehouse=\xff\xfe"[..], b"=;;==;gatehouse", b"gatehouse", b";", b"gatehouse=a; gatehouse=b"]
    {
        let answer = app.raw_bytes(&[&raw, cookie, b"\r\n\r\n"].concat()).await;
        assert!(matches!(answer.status, 200 | 400), "{cookie:?}: {}", answer.text);
    }
    client.get("/profile").await.expect(200);
});

on_both_stacks!(cookie_is_opaque_and_key_new_per_login, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = app.session_of(&ada);
    let mut keys = vec![app.store_key_of(&id)];
    let cookie = client.cookie("gatehouse").unwrap();
    for known in [&ada.email, &ada.name, &id, &keys[0]] {
        assert!(!cookie.value.contains(known.as_str()));
    }
    assert_eq!((cookie.attribute("path"), cookie.attribute("samesite")), (Some("/"), Some("Lax")));
    assert!(
        cookie.is("httponly") && !cookie.is("secure") && !cookie.is("domain") && cookie.max_age().is_none()
    );
    for _ in 0..3 {
        ada.sign_in(&client).await;
        keys.extend(app.active_store_keys());
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
    assert!(keys.iter().all(|key| key.len() == 64 && key.chars().all(|c| c.is_ascii_hexdigit())));
});

on_both_stacks!(visitor_gets_no_cookie_and_no_session, |stack| async {
    let app = TestApp::start(stack).await;
    let visitor = app.client();
    for path in
        ["/", "/login", "/register", "/profile", "/none", "/static/app.css", "/healthz", "/setup?token=x"]
    {
        visitor.get(path).await;
        visitor
            .request(Method::POST, path)
            .form(&[("email", "a@example.org"), ("password", "x")])
            .send()
            .await;
    }
    assert_eq!(visitor.cookies(), []);
    assert_eq!(app.session_ids().len(), 0);
    if stack == Stack::PostgresRedis {
        assert_eq!(app.redis().keys(), Vec::<String>::new());
    }
});

/// The answer to `GET /profile` with these `Cookie` headers, as bytes.
async fn profile_with(app: &TestApp, lines: &[Vec<u8>]) -> u16 {
    let mut request =
        format!("GET /profile HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", app.addr()).into_bytes();
    for line in lines {
        request.extend([b"Cookie: ", line.as_slice(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    app.raw_bytes(&request).await.status
}

on_both_stacks!(cookie_of_session_is_found_among_others, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let dead = client.cookie(COOKIE).unwrap().value;
    client.post("/logout", &[]).await.to("/");
    ada.sign_in(&client).await;
    let good = client.cookie(COOKIE).unwrap().value;
    let text = |line: &str| line.replace("GOOD", &good).replace("DEAD", &dead).into_bytes();
    for lines in [
        vec![text("gatehouse=stale; gatehouse=GOOD")],
        vec![text("gatehouse=GOOD; gatehouse=stale")],
        vec![text("gatehouse=; gatehouse=GOOD; gatehouse=")],
        vec![text("gatehouse=DEAD; gatehouse=GOOD")],
        vec![text("gatehouse=GOOD; gatehouse=DEAD")],
        vec![text("gatehouse=DEAD; gatehouse=stale; gatehouse=%ff; gatehouse=GOOD; gatehouse=DEAD")],
        vec![text("gatehouse=DEAD"), text("gatehouse=GOOD")],
        vec![text("gatehouse; =; ;gatehouse=GOOD"), text("gatehouse=DEAD")],
        vec![[b"theme=\xff; ".as_slice(), &text("gatehouse=GOOD")].concat()],
        vec![b"\xe9=1; gatehouse=\xff".to_vec(), text("gatehouse=GOOD")],
        vec![text("x=%ff; gatehouse=GOOD")],
    ] {
        assert_eq!(profile_with(&app, &lines).await, 200, "{:?}", lines.concat().escape_ascii().to_string());
    }
    for line in [
        "%67atehouse=GOOD",
        "gatehouse =GOOD",
        "Gatehouse=GOOD",
        "\"gatehouse\"=GOOD",
        "gatehouse=stale",
        "gatehouse=DEAD; gatehouse=stale",
    ] {
        assert_eq!(profile_with(&app, &[text(line)]).await, 303, "{line}");
    }
});

/// Spellings of a name that some reader of cookies takes for it.
const SPELLINGS: [&str; 14] = [
    "%5F%5FHost-gatehouse",
    "__%48ost-gatehouse",
    "\t__Host-gatehouse",
    "  __Host-gatehouse",
    "__Host-gatehouse\t",
    "__Host-gatehouse ",
    "\u{2000}__Host-gatehouse",
    "\u{a0}__Host-gatehouse",
    "__Host-gatehouse\u{85}",
    "\u{3000}__Host-gatehouse",
    "\u{feff}__Host-gatehouse",
    "__host-gatehouse",
    "\"__Host-gatehouse\"",
    "$__Host-gatehouse",
];

on_both_stacks!(cookie_name_counts_byte_for_byte, |stack| async {
    let app = TestApp::builder(stack).var("BASE_URL", "https://login.example.org").start().await;
    let (ada, victim) = app.person("Ada Lovelace").await;
    let (mallory, attacker) = app.person("Mallory").await;
    let name = "__Host-gatehouse";
    let value = |client: &Client| client.cookie(name).unwrap().value;
    let (mine, theirs) = (value(&attacker), value(&victim));
    let flash = URL_SAFE_NO_PAD.encode("\"SetUp\"");
    let page = async |line: &str| {
        let request = format!(
            "GET /profile HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {line}\r\n\r\n"
        );
        app.raw_bytes(request.as_bytes()).await
    };
    for spelling in SPELLINGS {
        let notice = spelling.replace("gatehouse", "gatehouse-notice");
        for line in [
            format!("a=1; {spelling}={mine}; {name}={theirs}; {notice}={flash}"),
            format!("a=1;{spelling}={mine};{notice}={flash}; {name}={theirs}"),
            format!("{name}={theirs}; {spelling}={mine}; {notice}={flash}"),
        ] {
            let answer = page(&line).await;
            assert_eq!(answer.status, 200, "{line:?}");
            assert!(answer.text.contains(&ada.email) && !answer.text.contains(&mallory.email), "{line:?}");
            assert!(!answer.text.contains("The site is set up"), "{line:?}");
        }
        assert_eq!(page(&format!("a=1; {spelling}={mine}")).await.status, 303, "{spelling:?}");
    }
    let own = page(&format!("{name}={theirs}; {name}-notice={flash}")).await;
    assert!(own.text.contains("The site is set up"), "our own notice is shown");
});

on_both_stacks!(cookie_that_is_unreadable_does_not_prevent_sign_in, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let body = format!("email={}&password={PASSWORD}", ada.email);
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Connection: close\r\nCookie: theme=",
        app.addr(),
        body.len()
    );
    let answer = app.raw_bytes(&[request.as_bytes(), b"\xe9\r\n\r\n", body.as_bytes()].concat()).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let set = answer.text.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let pair = set.split(';').next().unwrap();
    assert_eq!(profile_with(&app, &[[b"theme=\xe9; ", pair.as_bytes()].concat()]).await, 200);
});

on_both_stacks!(sign_in_and_out_remove_other_cookies_of_the_name, |stack| async {
    let mut app = TestApp::builder(stack)
        .var("BASE_URL", "http://login.example.org")
        .var("COOKIE_DOMAIN", "example.org")
        .start()
        .await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    ada.register(&client).await;
    /// The domains of the session cookies that an answer removes, and then of the one that it sets.
    fn domains(answer: &Answer) -> (Vec<String>, Vec<String>) {
        let cookies: Vec<_> =
            answer.set_cookies().into_iter().filter(|cookie| cookie.name == COOKIE).collect();
        let of = |removed: bool| {
            let cookies = cookies.iter().filter(|cookie| (cookie.max_age() == Some(0)) == removed);
            cookies.map(|cookie| cookie.attribute("domain").unwrap_or_default().to_owned()).collect()
        };
        let is_last_set = cookies.last().is_some_and(|cookie| cookie.max_age() != Some(0));
        assert!(is_last_set || cookies.iter().all(|cookie| cookie.max_age() == Some(0)), "{cookies:?}");
        (of(true), of(false))
    }
    let new = app.client();
    let answer = ada.sign_in_remembered(&new).await;
    assert_eq!(domains(&answer), (vec![String::new()], vec!["example.org".to_owned()]));
    app.restart_with(&[("COOKIE_DOMAIN", "")]).await;
    new.get("/profile").await.expect(200);
    let answer = ada.sign_in(&new).await;
    let above = vec!["login.example.org".to_owned(), "example.org".to_owned()];
    assert_eq!(domains(&answer), (above.clone(), vec![String::new()]));
    let answer = new.post("/logout", &[]).await.to("/");
    assert_eq!(domains(&answer), ([above, vec![String::new()]].concat(), vec![]));
    assert_eq!(domains(&ada.sign_in(&app.client()).await).0, Vec::<String>::new(), "nothing to remove");
});

on_both_stacks!(headers_too_large_431_says_what_to_do, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    client.set_cookie("other", &"x".repeat(30_000));
    client.get("/profile").await.expect(200);
    client.set_cookie("other", &"x".repeat(40_000));
    for path in ["/profile", "/", "/login"] {
        let page = client.get(path).await.expect(431);
        assert_page(&page);
        page.has("Delete the cookies of this site");
    }
    let problem =
        client.request(Method::GET, "/profile").header("accept", "application/json").send().await.expect(431);
    assert_eq!(
        (problem.header("content-type"), problem.json()["status"].as_u64()),
        (Some("application/problem+json"), Some(431))
    );
});
