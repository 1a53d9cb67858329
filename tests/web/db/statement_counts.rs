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

fn reset(app: &TestApp) {
    app.query_text(
        "SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)::text",
    );
}

#[actix_web::test]
async fn page_and_sign_in_take_no_more_statements_than_they_need() {
    let app = start(Stack::PostgresRedis).await;
    app.run_script("CREATE EXTENSION pg_stat_statements");
    let (ada, browser) = app.known_browser("Ada Lovelace").await;
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
