//! How many statements Postgres gets for what happens often, so that none is added unseen.

use crate::support::{throttling::start, *};

/// How often each is done. What the application does by itself meanwhile is done less often, but for the look at the mails that are due,
/// every five seconds.
const TIMES: usize = 20;

/// The statements that each of [`TIMES`] runs of something took, as verb and table, sorted; with a word on those that were planned each
/// time.
fn since_reset(app: &TestApp) -> Vec<String> {
    // A connection that worked less than a second ago is not checked, and a busy machine takes longer.
    let counted = app.query_text(&format!(
        r#"SELECT calls / {TIMES}, substring(query FROM '^\w+'), substring(query FROM '(?:FROM|INTO|UPDATE) \(*"(\w+)"'),
               CASE WHEN plans >= calls THEN 'planned each time' END
           FROM pg_stat_statements
           WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND calls >= {TIMES} AND query !~ 'current_setting|FROM "mails"'
           ORDER BY query"#
    ));
    let statement = |row: Vec<Option<String>>| {
        let [calls, words @ ..] = &row[..] else { panic!("{row:?}") };
        let words: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
        vec![words.join(" "); calls.as_ref().unwrap().parse().unwrap()]
    };
    counted.into_iter().flat_map(statement).collect()
}

/// The blocks that the lookup of a session has read, and whether it was planned each time.
fn lookups(app: &TestApp) -> (i64, bool) {
    let found = app.query_text(&format!(
        r#"SELECT shared_blks_hit / calls, plans >= calls FROM pg_stat_statements
           WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND calls >= {TIMES} AND query LIKE 'SELECT found.%'"#
    ));
    let [row] = &found[..] else { panic!("{found:?}") };
    let text = |index: usize| row[index].as_deref().unwrap();
    (text(0).parse().unwrap(), text(1).starts_with('t'))
}

fn reset(app: &TestApp) {
    app.query_text(
        "SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)::text",
    );
}

#[actix_web::test]
async fn page_and_sign_in_take_no_more_statements_than_they_need() {
    // Whoever is signed in costs the tripwire nothing.
    let mut app =
        TestApp::builder(Stack::PostgresRedis).var("THROTTLE", "on").var("TRIPWIRE", "notify").start().await;
    app.run_script("CREATE EXTENSION pg_stat_statements");
    let (ada, browser) = app.known_browser("Ada Lovelace").await;
    // As on a site that has been there for a while: the planner knows its tables.
    app.run_script(MANY);
    app.run_script("ANALYZE");
    app.restart().await;
    let client = browser.copy();
    let _ = ada.sign_in(&client).await;
    client.get("/profile").await.expect(200);

    reset(&app);
    for _ in 0..TIMES {
        client.get("/profile").await.expect(200);
    }
    assert_eq!(since_reset(&app), ["SELECT sessions"]);

    // The default of `SESSION_LIMIT` asks which sessions are beyond it.
    reset(&app);
    for _ in 0..TIMES {
        let _ = ada.sign_in(&browser.copy()).await;
    }
    let expected = [
        "BEGIN",
        "COMMIT",
        "INSERT events",
        "INSERT sessions",
        "SELECT sessions",
        "SELECT users",
        "UPDATE users",
    ];
    assert_eq!(since_reset(&app), expected);
}

/// People with sessions of whom the planner has not been told.
const MANY: &str = "INSERT INTO users (name, email, email_key, password_hash, role, active, session_epoch, created_at, updated_at, search_text)
        SELECT 'Many', 'many' || i || '@example.net', 'many' || i || '@example.net', '', 'user', true, 0, now(), now(), ''
        FROM generate_series(1, 5000) AS i;
    INSERT INTO sessions (id, user_id, created_at, last_seen_at, expires_at, absolute_expires_at, remembered, ip, ip_key, user_agent,
            browser, browser_version, os, device, store_key, person, role)
        SELECT md5(id::text), id, now(), now(), now() + interval '1 day', now() + interval '1 day', false, '192.0.2.1', '', '',
            '', '', '', 'script', md5(id::text), '', 'user'
        FROM users WHERE name = 'Many'";

/// The planner would choose by what it knows of the tables: nothing here, and then all.
#[actix_web::test]
async fn lookup_of_sessions_is_planned_once_and_goes_by_its_index() {
    let mut app = start(Stack::PostgresRedis).await;
    app.run_script("CREATE EXTENSION pg_stat_statements");
    let (_, client) = app.person("Ada Lovelace").await;
    client.get("/profile").await.expect(200);
    app.run_script(MANY);
    for known in ["nothing", "all"] {
        // A plan from before all these people lasts for a moment.
        eventually(|| async {
            reset(&app);
            for _ in 0..TIMES {
                client.get("/profile").await.expect(200);
            }
            let (blocks, is_planned_each_time) = lookups(&app);
            assert!(!is_planned_each_time, "the planner knows {known}");
            blocks < 30
        })
        .await;
        app.run_script("ANALYZE");
        app.restart().await;
    }
}
