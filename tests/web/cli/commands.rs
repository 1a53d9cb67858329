//! Tests the command line: effects, output and exit status.

use crate::support::{forged_cookies::SECRET, *};

fn vars(pairs: &[(&str, &str)]) -> Vars {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn create(vars: &Vars, email: &str, name: &str, role: &str, password: &str) -> Finished {
    let arguments = ["user", "create", "--email", email, "--name", name, "--role", role, "--password-stdin"];
    Program::run(&arguments, vars, password)
}

on_both_stacks!(cli_user_create_makes_users_and_admins, |stack| async {
    let app = TestApp::builder(stack).not_set_up().start().await;
    let vars = app.command_vars();
    // The line break that `echo` appends is not part of the password; a space is.
    let output = create(&vars, "grace@example.org", "Grace Hopper", "admin", &format!("{PASSWORD}\n")).done();
    assert!(output.contains("admin grace@example.org") && !output.contains(PASSWORD), "{output}");
    create(&vars, "ada@example.org", "Ada Lovelace", "user", &format!("{PASSWORD} \r\n")).done();
    let sign_in = async |email: &str, password: &str, status: u16| {
        let client = app.client();
        client.post("/login", &[("email", email), ("password", password)]).await.expect(status);
        client
    };
    sign_in("grace@example.org", PASSWORD, 303).await.get("/admin/sessions").await.expect(200);
    sign_in("ada@example.org", PASSWORD, 401).await;
    sign_in("ada@example.org", &format!("{PASSWORD} "), 303).await.get("/admin/sessions").await.expect(403);
    let link = app.setup_link().unwrap();
    app.client().get(link).await.to("/login");
});

on_both_stacks!(cli_user_create_invalid_prints_one_line, |stack| async {
    let app = TestApp::start(stack).await;
    let vars = app.command_vars();
    create(&vars, "ada@example.org", "Ada Lovelace", "user", PASSWORD).done();
    for (email, name, role, password, part) in [
        ("ADA@example.org", "Other", "user", PASSWORD, "--email"),
        ("nobody", "Other", "user", PASSWORD, "--email"),
        ("new@example.org", "", "user", PASSWORD, "--name"),
        ("new@example.org", "Other", "owner", PASSWORD, "--role"),
        ("new@example.org", "Other", "user", "password1", "password"),
        ("new@example.org", "Other", "user", "short", "at least 8"),
        ("new@example.org", "Other", "user", "", "at least 8"),
    ] {
        let message = create(&vars, email, name, role, password).failed();
        assert!(message.contains(part), "{part}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(!message.contains(PASSWORD), "{message}");
    }
    let arguments = ["user", "create", "--email", "new@example.org", "--name", "Other"];
    assert!(Program::run(&arguments, &vars, PASSWORD).failed().contains("--password-stdin"));
    assert_eq!(app.user_count(), 1);
});

on_both_stacks!(cli_migrate_reports_outcome, |stack| async {
    let app = TestApp::start(stack).await;
    let mut vars = app.command_vars();
    assert!(Program::run(&["migrate"], &vars, "").done().contains("up to date"));
    if stack == Stack::Sqlite {
        let folder = tempfile::TempDir::new().unwrap();
        vars.retain(|(name, _)| name != "DATABASE_URL");
        vars.push(("DATABASE_URL".to_owned(), format!("sqlite://{}/a/b/new.db", folder.path().display())));
        assert!(Program::run(&["migrate"], &vars, "").done().contains("migrations were run"));
        assert!(Program::run(&["migrate"], &vars, "").done().contains("up to date"));
    }
});

#[test]
fn cli_check_config_accepts_valid_settings() {
    let right = vars(&[
        ("SESSION_SECRET", SECRET),
        ("REDIS_URL", "redis://:hidden@cache:6379/1"),
        ("SESSION_LIMIT", "3"),
    ]);
    let output = Program::run(&["check-config"], &right, "").done();
    assert!(output.contains("fine") && !output.contains("hidden"), "{output}");
    Program::run(&["check-config"], &vars(&[]), "").done();
}

#[test]
fn cli_check_config_lists_all_errors_without_secrets() {
    let wrong = [
        ("LISTEN_ADDR", "nowhere"),
        ("BASE_URL", "ftp://login.example.org"),
        ("DATABASE_URL", "mysql://root:hunter2@db/site"),
        ("REDIS_URL", "http://:hunter2@cache:6379"),
        ("SESSION_SECRET", "hunter2"),
        ("SESSION_NAME", "a b"),
        ("SESSION_IDLE_TTL", "soon"),
        ("SESSION_REMEMBER_TTL", "0s"),
        ("SESSION_ABSOLUTE_TTL", "-1d"),
        ("SESSION_LIMIT", "many"),
        ("COOKIE_DOMAIN", "localhost"),
        ("COOKIE_SAMESITE", "perhaps"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("PAGES_DIR", "/nowhere/at/all"),
        ("REGISTRATION", "maybe"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("STORE_TIMEOUT", "1ms"),
        ("LOG_FORMAT", "xml"),
        ("SESSION_IDEL_TTL", "1h"),
    ];
    for command in ["check-config", "serve"] {
        let message = Program::run(&[command], &vars(&wrong), "").failed();
        for (name, value) in wrong {
            let lines: Vec<&str> =
                message.lines().filter(|line| line.starts_with(&format!("{name}: "))).collect();
            assert_eq!(lines.len(), 1, "{name}: {message}");
            assert!(
                value.contains("hunter2") || name == "SESSION_IDEL_TTL" || lines[0].contains(value),
                "{message}"
            );
        }
        assert_eq!(message.lines().count(), wrong.len(), "{message}");
        assert!(message.contains("did you mean SESSION_IDLE_TTL?"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn cli_check_config_invalid_log_filter_fails() {
    let message = Program::run(&["check-config"], &vars(&[("RUST_LOG", "gatehouse=loud")]), "").failed();
    assert!(message.starts_with("RUST_LOG: \"gatehouse=loud\" is not valid"), "{message}");
    Program::run(&["check-config"], &vars(&[("RUST_LOG", "warn,gatehouse=debug")]), "").done();
}

#[test]
fn cli_check_config_postgres_requires_session_secret() {
    let message =
        Program::run(&["check-config"], &vars(&[("DATABASE_URL", "postgres://db/site")]), "").failed();
    assert!(message.starts_with("SESSION_SECRET: "), "{message}");
}

on_both_stacks!(cli_healthcheck_uses_listen_addr, |stack| async {
    let app = TestApp::start(stack).await;
    let ask = |addr: String| {
        let mut vars = app.command_vars();
        vars.push(("LISTEN_ADDR".to_owned(), addr));
        // On a machine with a public address.
        vars.push(("TRUSTED_PROXIES".to_owned(), "192.0.2.1".to_owned()));
        Program::run(&["healthcheck"], &vars, "")
    };
    ask(app.addr().to_string()).done();
    ask(format!("0.0.0.0:{}", app.addr().port())).done();
    // No server listens on the discard port.
    assert!(ask("127.0.0.1:9".to_owned()).failed().contains("127.0.0.1:9"));
});

on_both_stacks!(cli_sessions_verify_reports_and_repairs_differences, |stack| async {
    let app = TestApp::start(stack).await;
    let vars = app.command_vars();
    let (ada, client) = app.person("Ada Lovelace").await;
    let kept = app.store_key_of(&app.session_of(&ada));
    let lost = app.client();
    ada.sign_in(&lost).await;
    let id = app.newest_session_of(&ada);
    let verify = |arguments: &[&str]| Program::run(&[&["sessions", "verify"], arguments].concat(), &vars, "");
    assert!(verify(&[]).done().contains("They agree."));

    if stack == Stack::PostgresRedis {
        let key = app.redis().keys().into_iter().find(|key| !key.contains(&kept)).unwrap();
        assert!(app.redis().del(&key));
        app.redis().set("sess:stray", "{}");
        app.redis().set("other:key", "not ours");
    } else {
        app.lose_state(&id);
    }
    for _ in 0..2 {
        let found = verify(&[]);
        assert!(found.stdout.contains(&format!("session without an entry in the store: {id}")), "{found:?}");
        let stray = found.stdout.contains("store entry without a session: stray");
        assert_eq!(stray, stack == Stack::PostgresRedis, "{found:?}");
        assert!(found.failed().contains("--repair"));
    }
    assert!(verify(&["--repair"]).done().contains("Repaired."));
    assert!(verify(&[]).done().contains("They agree."));
    assert_eq!(app.end_reason(&id).as_deref(), Some("missing"));
    lost.get("/profile").await.to("/login?next=%2Fprofile");
    client.get("/profile").await.expect(200);
    if stack == Stack::PostgresRedis {
        assert_eq!(app.redis().keys(), ["other:key".to_owned(), format!("sess:{kept}")]);
    }
});

on_both_stacks!(cli_sessions_verify_ends_not_all_for_a_wrong_store, |stack| async {
    let app = TestApp::start(stack).await;
    let vars = app.command_vars();
    let (ada, kept) = app.person("Ada Lovelace").await;
    let sign_ins = async |count: usize| {
        for _ in 0..count {
            ada.sign_in(&app.client()).await;
        }
    };
    let verify = |arguments: &[&str]| Program::run(&[&["sessions", "verify"], arguments].concat(), &vars, "");
    let all = app.active_sessions_of(&ada);
    sign_ins(10).await;
    for id in app.active_sessions_of(&ada).iter().filter(|id| !all.contains(id)) {
        app.lose_state(id);
    }
    // One of them is in the store, so it is the right one.
    assert!(verify(&["--repair"]).done().contains("Repaired."));
    assert_eq!(app.active_sessions_of(&ada), all);
    kept.get("/profile").await.expect(200);

    sign_ins(9).await;
    let all = app.active_sessions_of(&ada);
    all.iter().for_each(|id| app.lose_state(id));
    for arguments in [&["--repair"][..], &[]] {
        let message = verify(arguments).failed();
        assert!(message.contains("none of the 10 active sessions; is REDIS_URL"), "{message}");
        assert_eq!(message.contains("--yes"), !arguments.is_empty(), "{message}");
    }
    assert_eq!(app.active_sessions_of(&ada), all);
    assert!(verify(&["--repair", "--yes"]).done().contains("Repaired."));
    assert_eq!(app.active_session_ids(), Vec::<String>::new());

    if stack == Stack::PostgresRedis {
        (0..10).for_each(|number| app.redis().set(&format!("sess:stray{number}"), "{}"));
        let message = verify(&["--repair"]).failed();
        assert!(message.contains("none of the 10 entries") && message.contains("DATABASE_URL"), "{message}");
        assert_eq!(app.redis().keys().len(), 10);
        verify(&["--repair", "--yes"]).done();
        assert_eq!(app.redis().keys(), Vec::<String>::new());
    }
});

#[actix_web::test]
async fn cli_says_why_redis_is_not_reached() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let mut vars = app.command_vars();
    let (_, url) = vars.iter_mut().find(|(name, _)| name == "REDIS_URL").unwrap();
    *url = url.replacen("redis://", "redis://nobody:hunter2@", 1);
    let message = Program::run(&["sessions", "list"], &vars, "").failed();
    assert!(message.contains("can't be reached: Redis: ") && message.contains("WRONGPASS"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}
