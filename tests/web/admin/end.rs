//! Tests the filters of `/admin/sessions` beyond name and address, and `POST /admin/sessions/end`, which ends all
//! matching or all selected sessions after a preview.

use crate::support::{authenticator::Authenticator, demo, *};

const CURL: &str = "curl/8.5.0";

/// Signs in an administrator and three users with Firefox, and a fourth user with curl.
async fn admin_and_users(app: &TestApp) -> (Client, Vec<(Person, Client)>) {
    let (_, admin) = app.admin("Root").await;
    let mut people = Vec::new();
    for name in ["Ada", "Bo", "Cy"] {
        people.push(app.person(name).await);
    }
    let (dee, curl) = (Person::new("Dee"), app.client().user_agent(CURL));
    let _ = dee.register(&curl).await;
    people.push((dee, curl));
    (admin, people)
}

async fn listed_emails(admin: &Client, query: &str) -> Vec<String> {
    let page = admin.get(&format!("/admin/sessions?{query}")).await.expect(200);
    let mut emails = page.texts("table .email");
    emails.sort();
    emails
}

on_both_stacks!(admin_list_filters_by_browser_os_role_and_age, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    let (_, remembered) = &people[1];
    let _ = people[1].0.sign_in_remembered(remembered).await;
    app.set_session_time(&app.session_of(&people[0].0), SessionTime::Created, "2026-01-01 00:00:00");
    app.set_session_time(&app.session_of(&people[2].0), SessionTime::LastSeen, "2026-01-01 00:00:00");
    for (query, expected) in [
        ("browser=CURL", vec!["dee@example.org"]),
        ("os=linux&role=user", vec!["ada@example.org", "bo@example.org", "cy@example.org"]),
        ("role=admin", vec!["root@example.org"]),
        ("remembered=yes", vec!["bo@example.org"]),
        ("method=password&browser=curl", vec!["dee@example.org"]),
        ("method=link", vec![]),
        ("device=script", vec!["dee@example.org"]),
        ("device=desktop&role=user", vec!["ada@example.org", "bo@example.org", "cy@example.org"]),
        ("device=bot", vec![]),
        ("older_than=1h", vec!["ada@example.org"]),
        ("idle_over=1h", vec!["cy@example.org"]),
        ("idle_over=1h&browser=curl", vec![]),
    ] {
        assert_eq!(listed_emails(&admin, query).await, expected, "{query}");
    }
    let started = admin.get("/admin/sessions?sort=started").await.expect(200).texts("table .email");
    assert_eq!(started.last().map(String::as_str), Some("ada@example.org"));
});

on_both_stacks!(admin_ended_list_shows_end_reason, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    let _ = people[0].1.post("/logout", &[]).await.to("/");
    let page = admin.get("/admin/sessions?state=ended").await.expect(200).has("Signed out");
    assert_eq!(page.texts("table .email"), ["ada@example.org"]);
});

on_both_stacks!(admin_ended_list_age_filter_sets_order, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    for (_, client) in &people[..3] {
        let _ = client.post("/logout", &[]).await.to("/");
    }
    let [ada, bo] = [0, 1].map(|index: usize| app.newest_session_of(&people[index].0));
    for (id, column, at) in [
        (&ada, SessionTime::Created, "2026-01-02 00:00:00"),
        (&ada, SessionTime::LastSeen, "2026-02-01 00:00:00"),
        (&bo, SessionTime::Created, "2026-01-01 00:00:00"),
        (&bo, SessionTime::LastSeen, "2026-02-02 00:00:00"),
        (&bo, SessionTime::Ended, "2026-02-03 00:00:00"),
    ] {
        app.set_session_time(id, column, at);
    }
    for (query, expected) in [
        ("", vec!["cy@example.org", "ada@example.org", "bo@example.org"]),
        ("&sort=started", vec!["cy@example.org", "ada@example.org", "bo@example.org"]),
        ("&older_than=1h", vec!["ada@example.org", "bo@example.org"]),
        ("&idle_over=1h", vec!["bo@example.org", "ada@example.org"]),
        ("&idle_over=1h&sort=started", vec!["ada@example.org", "bo@example.org"]),
        ("&idle_over=1h&older_than=2h", vec!["ada@example.org", "bo@example.org"]),
        ("&idle_over=2h&older_than=1h", vec!["bo@example.org", "ada@example.org"]),
    ] {
        let page = admin.get(&format!("/admin/sessions?state=ended{query}")).await.expect(200);
        assert_eq!(page.texts("table .email"), expected, "{query}");
        let _ = page.has(&format!("{} ended", expected.len()));
    }
});

on_both_stacks!(bulk_end_by_filter_previews_then_ends_matches, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    let first = [("browser", "firefox"), ("reason", "Lost laptops")];
    let preview = admin.post("/admin/sessions/end", &first).await.expect(200);
    assert_page(&preview);
    let preview = preview.has("3 sessions of 3 people").has("ada@example.org").lacks("dee@example.org");
    let preview = preview.lacks("root@example.org").has("The session that you are using matches too");
    let _ = people[0].1.get("/profile").await.expect(200);

    let form = preview.form("/admin/sessions/end");
    let fields: Vec<(&str, &str)> =
        form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert!(fields.contains(&("confirm", "yes")) && fields.contains(&("expected", "3")), "{fields:?}");
    let _ = admin.post("/admin/sessions/end", &fields).await.to("/admin/sessions");
    let _ = admin.get("/admin/sessions").await.expect(200).has("3 sessions were ended");
    for (person, client) in &people[..3] {
        assert_eq!(client.get("/profile").await.status, 303, "{}", person.name);
    }
    let _ = people[3].1.get("/profile").await.expect(200);
    assert_eq!(app.end_messages("ended_by_admin"), ["Lost laptops"; 3]);
    assert_eq!(app.event_count_with("ended_by_admin: Lost laptops"), 3);
});

on_both_stacks!(bulk_end_of_all_who_came_in_with_a_password_alone, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    let (ada, client) = &people[0];
    let (authenticator, _) = Authenticator::set_up(&app, client).await;
    let second = app.client();
    ada.give_password(&second).await;
    second.post("/login/verify", &[("code", &authenticator.code())]).await.to("/profile");
    let page = admin.get("/admin/sessions?method=password%2Btotp").await.expect(200);
    assert_eq!(page.texts("table .email"), ["ada@example.org"]);
    assert!(
        page.texts("td.device").concat().contains("Password and authenticator app"),
        "{}",
        page.summary()
    );
    assert!(page.texts(".chips").concat().contains("password+totp"), "{}", page.summary());
    let narrowed = [("method", "password"), ("device", "desktop"), ("reason", "Give a code, too")];
    let preview = admin.post("/admin/sessions/end", &narrowed).await.expect(200);
    let preview = preview.has("3 sessions of 3 people").lacks("dee@example.org");
    let form = preview.form("/admin/sessions/end");
    admin.post("/admin/sessions/end", &form.with(&[])).await.expect(303);
    for ended in [client, &people[1].1, &people[2].1] {
        assert!(!signed_in(ended).await);
    }
    for kept in [&second, &people[3].1, &admin] {
        assert!(signed_in(kept).await);
    }
    let vars = app.command_vars();
    let end = ["sessions", "end", "--method", "password", "--reason", "Give a code, too", "--yes"];
    assert!(Program::run(&end, &vars, "").done().contains("2 sessions"), "of Dee and the administrator");
    assert!(signed_in(&second).await);
    assert!(!signed_in(&people[3].1).await && !signed_in(&admin).await);
    let listed = Program::run(&["sessions", "list", "--device", "desktop", "--json"], &vars, "").done();
    assert!(listed.lines().count() == 1 && listed.contains("password+totp"), "{listed}");
    second.get("/activity").await.expect(200).has("Password and authenticator app");
});

on_both_stacks!(bulk_end_changed_count_422, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    let stale = [("browser", "firefox"), ("reason", "x"), ("confirm", "yes"), ("expected", "2")];
    let _ = admin.post("/admin/sessions/end", &stale).await.expect(422).has("3 now match");
    let _ = people[0].1.get("/profile").await.expect(200);
});

on_both_stacks!(bulk_end_invalid_filter_422_ends_none, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    for (field, value) in
        [("ip", "10.0.0.0/99"), ("older_than", "soon"), ("role", "root"), ("state", "ended")]
    {
        let fields =
            [(field, value), ("reason", "x"), ("confirm", "yes"), ("expected", "4"), ("everyone", "on")];
        let page = admin.post("/admin/sessions/end", &fields).await.expect(422);
        assert_page(&page);
        let _ = page.lacks("Nothing to end");
    }
    let page = admin.post("/admin/sessions/end", &[("ip", "10.0.0.0/99"), ("reason", "Lost bag")]).await;
    let page = page.expect(422).has("ip: Enter an IP address").has("Lost bag");
    assert_eq!(page.attributes("main a", "href"), ["/admin/sessions?ip=10.0.0.0%2F99"]);
    for (person, client) in &people {
        assert_eq!(client.get("/profile").await.status, 200, "{}", person.name);
    }
    let _ = admin
        .post("/admin/sessions/end", &[("q", "nobody"), ("reason", "x")])
        .await
        .expect(200)
        .has("Nothing to end");
});

on_both_stacks!(bulk_end_without_filter_requires_checkbox_and_reason, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    let confirm = [("confirm", "yes"), ("expected", "4")];
    let without_reason = [confirm[0], confirm[1], ("everyone", "on")];
    let page = admin.post("/admin/sessions/end", &without_reason).await.expect(422);
    assert!(page.field_error("reason").is_some());
    let without_tick = [confirm[0], confirm[1], ("reason", "Drill")];
    let page = admin.post("/admin/sessions/end", &without_tick).await.expect(422);
    assert_page(&page);
    assert!(page.field_error("everyone").is_some());
    assert_eq!(page.attributes("input[name=everyone][autofocus]", "id"), ["everyone"]);
    let _ = people[0].1.get("/profile").await.expect(200);
    let all = [confirm[0], confirm[1], ("reason", "Drill"), ("everyone", "on")];
    let _ = admin.post("/admin/sessions/end", &all).await.to("/admin/sessions");
    let _ = admin.get("/admin/sessions").await.expect(200).has("4 sessions were ended");
    for (_, client) in &people {
        let _ = client.get("/profile").await.expect(303);
    }
});

/// Returns the session ids of these users.
fn ids_of(app: &TestApp, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| app.session_of(Person::new(name))).collect()
}

on_both_stacks!(bulk_end_by_selection_previews_then_ends_selected, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    let list = admin.get("/admin/sessions").await.expect(200);
    let boxes = list.attributes("input[type=checkbox][name=ids][form=selection]", "value");
    assert_eq!(boxes.len(), 4, "one for each session except the administrator's own");
    let ids = ids_of(&app, &["Ada", "Cy", "Root"]);
    assert!(boxes.contains(&ids[0]) && !boxes.contains(&ids[2]));

    let mut ticked: Vec<(&str, &str)> = ids.iter().map(|id| ("ids", id.as_str())).collect();
    ticked.extend([("ticked", "on"), ("reason", "Lost phones")]);
    let preview = admin.post("/admin/sessions/end", &ticked).await.expect(200);
    assert_page(&preview);
    let preview =
        preview.has("2 sessions of 2 people are ticked").has("ada@example.org").has("cy@example.org");
    let preview =
        preview.lacks("bo@example.org").has("The session that you are using is among them. It stays.");
    let _ = people[0].1.get("/profile").await.expect(200);

    let form = preview.form("/admin/sessions/end");
    let _ = admin.post("/admin/sessions/end", &form.with(&[])).await.to("/admin/sessions");
    let _ = admin.get("/admin/sessions").await.expect(200).has("2 sessions were ended");
    for (index, status) in [(0, 303), (1, 200), (2, 303), (3, 200)] {
        assert_eq!(people[index].1.get("/profile").await.status, status, "{}", people[index].0.name);
    }
    let again = admin.post("/admin/sessions/end", &ticked).await.expect(200);
    let _ = again.has("None of the ticked sessions is active any more");
});

on_both_stacks!(bulk_end_empty_selection_422_ends_none, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, people) = admin_and_users(&app).await;
    let rest = [("ticked", "on"), ("reason", "x"), ("confirm", "yes"), ("expected", "4"), ("everyone", "on")];
    let _ = admin.post("/admin/sessions/end", &rest).await.expect(422).has("No session was ticked");
    // A page without JavaScript sends these fields.
    let page = admin
        .post("/admin/sessions/end", &[("q", "a"), ("ticked", "on"), ("reason", "Lost <b>bag</b>")])
        .await;
    assert_page(&page);
    let page =
        page.expect(422).has("No session was ticked").has("The reason that you wrote: Lost <b>bag</b>");
    assert_eq!(page.lacks("Nothing to end").attributes("main a", "href"), ["/admin/sessions?q=a"]);
    let unknown_ids = [&rest[..], &[("ids", "no such id"), ("ids", "x")]].concat();
    let _ = admin.post("/admin/sessions/end", &unknown_ids).await.expect(422).has("Nothing was ended");
    for (person, client) in &people {
        assert_eq!(client.get("/profile").await.status, 200, "{}", person.name);
    }
});

on_both_stacks!(bulk_end_preview_uses_singular_and_plural, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, _) = admin_and_users(&app).await;
    let ids = ids_of(&app, &["Ada"]);
    for (fields, words) in [
        (vec![("q", "ada@")], "1 session of 1 person matches the filter and will end"),
        (vec![("ids", &*ids[0]), ("ticked", "on")], "1 session of 1 person is ticked and will end"),
        (vec![("browser", "firefox")], "3 sessions of 3 people match the filter and will end"),
    ] {
        let fields = [fields, vec![("reason", "x")]].concat();
        let _ = admin.post("/admin/sessions/end", &fields).await.expect(200).has(words);
    }
});

on_both_stacks!(end_reason_limited_to_one_line_of_200_characters, |stack| async {
    let app = TestApp::start(stack).await;
    let (admin, _) = admin_and_users(&app).await;
    let ids = ids_of(&app, &["Ada", "Bo", "Cy"]);
    let path_of_bo = app.admin_path(&Person::new("Bo"));
    let longest = "ä".repeat(200);
    let rest = [("ids", &*ids[2]), ("confirm", "yes"), ("expected", "1")];
    for (path, rest) in [
        (format!("/admin/sessions/{}/end", ids[0]), &rest[..0]),
        (format!("{path_of_bo}/end-sessions"), &rest[..0]),
        ("/admin/sessions/end".to_owned(), &rest[..]),
    ] {
        for reason in [format!("{longest}ä"), "two\nlines".to_owned()] {
            let page = admin.post(&path, &[rest, &[("reason", &reason)]].concat()).await.expect(422);
            assert!(page.field_error("reason").is_some(), "{path}");
        }
        let _ =
            admin.post(&path, &[rest, &[("reason", &format!("  {longest} "))]].concat()).await.expect(303);
    }
    assert_eq!(app.end_messages("ended_by_admin"), [&*longest; 3]);
});

on_both_stacks!(bulk_end_of_thousands_redirects_to_progress_page, |stack| async {
    let app = TestApp::start(stack).await;
    let password = demo::fill(&app, &["--users", "20", "--sessions", "2600", "--ended", "10"]);
    let admin = app.client();
    let _ = demo::sign_in_as_admin(&admin, &password).await;
    let first = [("role", "user"), ("reason", "Drill")];
    let preview = admin.post("/admin/sessions/end", &first).await.expect(200);
    let form = preview.form("/admin/sessions/end");
    let expected = form.fields.iter().find(|(name, _)| name == "expected").unwrap().1.clone();
    let fields = form.with(&[]);
    let answer = admin.post("/admin/sessions/end", &fields).await.expect(303);
    let path = answer.location().unwrap().to_owned();
    assert!(path.starts_with("/admin/sessions/ends/"), "{path}");
    // The page's response ends once all sessions have ended.
    let page = admin.get(&path).await.expect(200);
    assert_page(&page);
    let count = expected.parse::<usize>().unwrap();
    let _ = page.has(&format!("{},{:03} sessions were ended.", count / 1_000, count % 1_000));
    assert_eq!(app.active_users_session_count(), 0);
    assert_eq!(app.event_count_with("ended_by_admin: Drill").to_string(), expected);
    let _ = admin.get("/admin/sessions").await.expect(200).has("active session");
    let _ = admin.get("/admin/sessions/ends/unknown").await.expect(404);
    let (_, other) = app.person("Ada Lovelace").await;
    let _ = other.get(&path).await.expect(403);
});

#[actix_web::test]
async fn bulk_end_retries_while_row_is_locked() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (admin, people) = admin_and_users(&app).await;
    let lock = app.touch_sessions_of(&people[1].0);
    let fields = [("role", "user"), ("reason", "Drill"), ("confirm", "yes"), ("expected", "4")];
    let release = async {
        // The first attempt gives up, and the next one waits again.
        for waiting in [1, 0, 1] {
            app.wait_for_blocked(waiting).await;
        }
        lock.commit();
    };
    let (answer, ()) = futures_util::join!(admin.post("/admin/sessions/end", &fields), release);
    let _ = answer.to("/admin/sessions");
    let _ = admin.get("/admin/sessions").await.expect(200).has("4 sessions were ended");
    for (person, client) in &people {
        assert_eq!(client.get("/profile").await.status, 303, "{}", person.name);
    }
}

/// While somebody else writes for longer than a lock is waited for, the end waits and then goes on.
#[actix_web::test]
async fn bulk_end_waits_while_sqlite_is_locked_and_goes_on() {
    let app = TestApp::builder(Stack::Sqlite).var("STORE_TIMEOUT", "150ms").start().await;
    let (admin, people) = admin_and_users(&app).await;
    app.copy_session(&app.session_of(&people[0].0), 6_000);
    let fields = [("role", "user"), ("reason", "Drill")];
    let preview = admin.post("/admin/sessions/end", &fields).await.expect(200);
    let answer = admin.post("/admin/sessions/end", &preview.form("/admin/sessions/end").with(&[])).await;
    let path = answer.expect(303).location().unwrap().to_owned();
    let lock = app.lock_sessions();
    assert!(app.active_users_session_count() > 0, "the end was over before the lock");
    // Each of these waits for the lock until it gives up.
    let credentials = [("email", people[1].0.email.as_str()), ("password", PASSWORD)];
    for _ in 0..30 {
        let _ = app.client().post("/login", &credentials).await.expect(503);
    }
    lock.commit();
    let _ = admin.get(&path).await.expect(200).has("6,004 sessions were ended.");
    assert_eq!(app.active_users_session_count(), 0);
}
