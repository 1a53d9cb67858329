//! Tests what the configuration refuses, and that it shows no secret: variables, `.env`, and the texts of others.

use tempfile::TempDir;

use crate::support::{forged_cookies::SECRET, *};

fn vars(pairs: &[(&str, &str)]) -> Vars {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Checks that a value is refused in one line that names the variable and shows no secret.
fn assert_refused(name: &str, value: &str) {
    let wrong = vars(&[("SESSION_SECRET", SECRET), (name, value)]);
    for command in ["check-config", "serve", "migrate"] {
        let message = Program::run(&[command], &wrong, "").failed();
        assert!(message.starts_with(&format!("{name}: ")), "{value}: {message}");
        assert_eq!(message.lines().count(), 1, "{value}: {message}");
        assert!(!message.contains("hunter2"), "{value}: {message}");
    }
}

#[test]
fn config_refuses_store_addresses_without_showing_them() {
    for value in [
        "host=db password=hunter2",
        "mysql://root:hunter2@db/site",
        "postgres:hunter2@db",
        "POSTGRES://u:hunter2@db/site",
        "postgres://u:hunter2%zz@db/site",
        "postgres://u:hunter2/x@db/site",
        "postgres://u:x@hunter2@db/site",
        "postgres://db/site?schema=hunter2",
        "sqlite://:memory:",
        "sqlite://data/",
    ] {
        assert_refused("DATABASE_URL", value);
    }
    for value in [
        "redis:hunter2@h",
        "redis://h/abc",
        "redis://hunter2@h",
        "redis://:hunter2%zz@h",
        "http://:hunter2@h",
    ] {
        assert_refused("REDIS_URL", value);
    }
    assert_refused("BASE_URL", "https://ada:hunter2@login.example.org");
    assert_refused("LISTEN_ADDR", "redis://:hunter2@h");
}

#[test]
fn config_takes_store_addresses_as_libpq_does() {
    for value in [
        "postgres://h1:5432,h2:5432/db?target_session_attrs=read-write",
        "postgresql:///db?host=/var/run/postgresql",
        "postgres://ada:p%40ss@[::1]:5432/db",
    ] {
        let right = vars(&[("SESSION_SECRET", SECRET), ("DATABASE_URL", value)]);
        Program::run(&["check-config"], &right, "").done();
    }
}

#[test]
fn config_refuses_what_browsers_or_the_log_would_drop() {
    let base = ("BASE_URL", "https://login.example.org");
    for (name, value) in [
        ("COOKIE_DOMAIN", "other.org"),
        ("COOKIE_DOMAIN", "a.login.example.org"),
        ("SESSION_IDLE_TTL", "91d"),
        ("SESSION_REMEMBER_TTL", "91d"),
        ("SESSION_NAME", "__Host-gatehouse-notice"),
        ("SESSION_NAME", "a;b"),
        ("RUST_LOG", "inof"),
        ("RUST_LOG", "debug;info"),
    ] {
        let message = Program::run(&["check-config"], &vars(&[base, (name, value)]), "").failed();
        assert!(message.starts_with(&format!("{name}: ")) && message.lines().count() == 1, "{message}");
    }
    let suffix = [("BASE_URL", "https://shop.co.uk"), ("COOKIE_DOMAIN", "co.uk")];
    assert!(Program::run(&["check-config"], &vars(&suffix), "").failed().starts_with("COOKIE_DOMAIN: "));
    Program::run(&["check-config"], &vars(&[base, ("COOKIE_DOMAIN", ".example.org")]), "").done();
}

/// A folder with a `.env`.
fn folder_with(env: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(".env"), env).unwrap();
    folder
}

#[test]
fn env_file_values_are_not_substituted() {
    let folder =
        folder_with("REDIS_URL=redis://h/abc$word\nPASSWORD_MIN_LENGTH='9$word'\nSESSION_NAME=\"a$b\"\n");
    let message = Program::run_in(folder.path(), &["check-config"], &[], "").failed();
    assert!(message.contains("9$word") && message.contains("a$b"), "{message}");
}

#[test]
fn env_file_mistakes_show_the_line_number_alone() {
    for (env, line) in [
        ("A=1\nDATABASE_URL postgres://u:hunter2@db/site\n", 2),
        ("SESSION_SECRET='hunter2\n", 1),
        ("# top\n\nREDIS_URL=redis://:hunter2 @h\n", 3),
        ("REDIS_URL=redis://:${HUNTER}hunter2@h\n", 1),
    ] {
        let folder = folder_with(env);
        let message = Program::run_in(folder.path(), &["check-config"], &[], "").failed();
        assert!(message.starts_with(&format!(".env, line {line}: ")), "{message}");
        assert!(!message.contains("hunter2") && message.lines().count() == 1, "{message}");
    }
}

/// Runs a server whose database is never reached, until its log says so; returns the log.
async fn log_of_unreachable(database: &str, format: &str) -> String {
    let program = TestApp::builder(Stack::Sqlite)
        .var("DATABASE_URL", database)
        .var("LOG_FORMAT", format)
        .var("RUST_LOG", "trace")
        .not_set_up()
        .start_program();
    eventually(|| async { program.output().contains("the database of DATABASE_URL is not reached") }).await;
    program.output()
}

#[actix_web::test]
async fn secrets_in_texts_of_others_are_masked() {
    // libpq quotes the name of a host that is not found, which here holds the password.
    let database = r#"postgres://ada:hunter2-secret@hunter2-secret.invalid/site"#;
    for format in ["text", "json"] {
        let log = log_of_unreachable(database, format).await;
        assert!(log.contains("***.invalid") && !log.contains("hunter2"), "{log}");
    }
    let given = vars(&[("DATABASE_URL", database), ("SESSION_SECRET", SECRET)]);
    for command in [&["migrate"][..], &["user", "list"]] {
        let message = Program::run(command, &given, "").failed();
        assert!(message.contains("***.invalid") && !message.contains("hunter2"), "{message}");
    }
}

#[test]
fn config_says_which_colours_cannot_be_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("look.css");
    std::fs::write(&path, ":root { --accent: #f5b800 }").unwrap();
    let look = path.display().to_string();
    let said =
        Program::run(&["check-config"], &vars(&[("SESSION_SECRET", SECRET), ("SITE_CSS", &look)]), "").done();
    assert!(
        said.contains(
            "SITE_CSS: in the light scheme --accent #f5b800 on --surface #ffffff has a contrast of 1."
        ),
        "{said}"
    );
    assert!(said.lines().last().unwrap().starts_with("The configuration is fine. "), "{said}");
    assert!(said.contains("/readyz"), "{said}");
    std::fs::write(&path, ":root { --accent: #7a1fa2; }\n.card { display: none }").unwrap();
    let wrong = vars(&[
        ("SESSION_SECRET", SECRET),
        ("SITE_CSS", &look),
        ("SITE_LINKS", "Terms"),
        ("HOME_URL", "/login"),
    ]);
    let message = Program::run(&["serve"], &wrong, "").failed();
    let lines: Vec<_> = message.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(lines, ["HOME_URL", "SITE_CSS", "SITE_LINKS"], "{message}");
}
