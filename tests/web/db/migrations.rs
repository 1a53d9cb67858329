//! Tests the migrations of both databases, and that `src/db/schema.rs` matches them.

use std::{fmt::Write as _, fs, path::PathBuf};

use crate::support::*;

const KEPT_BY_DIESEL: &str = "__diesel_schema_migrations";

fn path(below: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// A table: its primary key, and its columns with Diesel type and nullability.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    name: String,
    key: Vec<String>,
    columns: Vec<(String, String, bool)>,
}

/// The rows of a query, with NULL as an empty text.
fn rows(app: &TestApp, select: &str) -> Vec<Vec<String>> {
    app.query_text(select)
        .into_iter()
        .map(|row| row.into_iter().map(|value| value.unwrap_or_default()).collect())
        .collect()
}

fn first_column(rows: Vec<Vec<String>>) -> Vec<String> {
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

fn postgres_tables(app: &TestApp) -> Vec<Table> {
    let names = rows(
        app,
        &format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> '{KEPT_BY_DIESEL}' \
             ORDER BY table_name"
        ),
    );
    let table = |name: String| {
        let columns = rows(
            app,
            &format!(
                "SELECT column_name, udt_name, is_nullable FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{name}' ORDER BY ordinal_position"
            ),
        );
        let columns = columns
            .into_iter()
            .map(|column| (column[0].clone(), diesel_type(&column[1]), column[2] == "YES"));
        let key = rows(
            app,
            &format!(
                "SELECT k.column_name FROM information_schema.table_constraints c \
                 JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name) \
                 WHERE c.constraint_type = 'PRIMARY KEY' AND c.table_name = '{name}' ORDER BY k.ordinal_position"
            ),
        );
        Table { columns: columns.collect(), key: first_column(key), name }
    };
    first_column(names).into_iter().map(table).collect()
}

/// `int8` is `Int8`, `bool` is `Bool`.
fn diesel_type(udt_name: &str) -> String {
    let mut letters = udt_name.chars();
    letters.next().unwrap().to_uppercase().chain(letters).collect()
}

/// SQLite's tables with the types of Postgres.
fn sqlite_tables(app: &TestApp) -> Vec<Table> {
    let names = rows(
        app,
        &format!(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' \
             AND name <> '{KEPT_BY_DIESEL}' ORDER BY name"
        ),
    );
    let table = |name: String| {
        let columns = rows(
            app,
            &format!(
                "SELECT name, type, \"notnull\", CAST(pk AS TEXT) FROM pragma_table_info('{name}') ORDER BY cid"
            ),
        );
        let key = columns.iter().filter(|column| column[3] != "0").map(|column| column[0].clone()).collect();
        let kind = |declared: &str| match declared {
            "INTEGER" | "BIGINT" => "Int8",
            "TEXT" => "Text",
            "TIMESTAMP" => "Timestamp",
            "BOOLEAN" => "Bool",
            "BLOB" => "Bytea",
            other => panic!("{name} has a column of type {other}"),
        };
        let columns =
            columns.iter().map(|column| (column[0].clone(), kind(&column[1]).to_owned(), column[2] == "0"));
        Table { columns: columns.collect(), key, name: name.clone() }
    };
    first_column(names).into_iter().map(table).collect()
}

/// The output of `diesel print-schema`.
fn printed(app: &TestApp) -> String {
    let tables = postgres_tables(app);
    let mut text = "// @generated automatically by Diesel CLI.\n".to_owned();
    for Table { name, key, columns } in &tables {
        writeln!(text, "\ndiesel::table! {{\n    {name} ({}) {{", key.join(", ")).unwrap();
        for (column, kind, nullable) in columns {
            let kind = if *nullable { format!("Nullable<{kind}>") } else { kind.clone() };
            writeln!(text, "        {column} -> {kind},").unwrap();
        }
        text.push_str("    }\n}\n");
    }
    text.push('\n');
    let links = rows(
        app,
        "SELECT c.conrelid::regclass::text, c.confrelid::regclass::text, a.attname::text FROM pg_constraint c \
         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f' ORDER BY 1, 2",
    );
    for link in links {
        writeln!(text, "diesel::joinable!({} -> {} ({}));", link[0], link[1], link[2]).unwrap();
    }
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    writeln!(text, "\ndiesel::allow_tables_to_appear_in_same_query!({},);", names.join(", ")).unwrap();
    text
}

#[actix_web::test]
async fn schema_rs_matches_postgres() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (file, printed) = (path("src/db/schema.rs"), printed(&app));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &printed).unwrap();
    }
    let written = fs::read_to_string(file).unwrap();
    assert_eq!(written, printed, "src/db/schema.rs does not match the migrations; BLESS=1 rewrites it");
}

#[actix_web::test]
async fn sqlite_schema_equals_postgres_schema() {
    let (postgres, sqlite) =
        (TestApp::start(Stack::PostgresRedis).await, TestApp::start(Stack::Sqlite).await);
    let (expected, found) = (postgres_tables(&postgres), sqlite_tables(&sqlite));
    assert!(expected.len() >= 4);
    assert_eq!(found, expected);
    let postgres_indexes = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexdef NOT LIKE '%UNIQUE%' AND indexdef NOT LIKE '%USING gin%' AND indexdef NOT LIKE '%USING hash%' ORDER BY 1";
    let sqlite_indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1";
    assert_eq!(rows(&sqlite, sqlite_indexes), rows(&postgres, postgres_indexes));
}

/// All database objects that migrations create.
fn schema_objects(app: &TestApp) -> Vec<Vec<String>> {
    match app.stores().stack() {
        Stack::Sqlite => {
            let ours = format!("name NOT LIKE 'sqlite!_%' ESCAPE '!' AND tbl_name <> '{KEPT_BY_DIESEL}'");
            let relations = format!(
                "SELECT type, name, CASE type WHEN 'table' THEN '' ELSE sql END FROM sqlite_master WHERE {ours} ORDER BY 1, 2"
            );
            // Sorted by name, because a re-created column is the last of its table.
            let columns = format!(
                "SELECT t.name, c.name, concat_ws(' ', c.type, c.\"notnull\", c.dflt_value, c.pk) \
                 FROM (SELECT name FROM sqlite_master WHERE type = 'table' AND {ours}) t, pragma_table_info(t.name) c ORDER BY 1, 2"
            );
            [rows(app, &relations), rows(app, &columns)].concat()
        }
        Stack::PostgresRedis => {
            let relations = rows(
                app,
                &format!(
                    "SELECT c.relkind::text, c.relname::text, coalesce(pg_get_indexdef(i.indexrelid), '') FROM pg_class c \
                     LEFT JOIN pg_index i ON i.indexrelid = c.oid \
                     WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '{KEPT_BY_DIESEL}%' ORDER BY 1, 2"
                ),
            );
            let rules = rows(
                app,
                &format!(
                    "SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint \
                     WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> '{KEPT_BY_DIESEL}' ORDER BY 1, 2"
                ),
            );
            let columns = rows(
                app,
                &format!(
                    "SELECT table_name, column_name, concat_ws(' ', udt_name, is_nullable, column_default, is_identity) \
                     FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '{KEPT_BY_DIESEL}' ORDER BY 1, 2"
                ),
            );
            let kinds = "SELECT 'type', typname::text, '' FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e' ORDER BY 2";
            let functions = "SELECT 'function', proname::text, '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
                 AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e') ORDER BY 2";
            let triggers =
                "SELECT 'trigger', tgname::text, '' FROM pg_trigger WHERE NOT tgisinternal ORDER BY 2";
            let more = [kinds, functions, triggers].map(|query| rows(app, query)).concat();
            [relations, rules, columns, more].concat()
        }
    }
}

on_both_stacks!(migrations_revert_and_reapply, |stack| async {
    let mut app = TestApp::start(stack).await;
    app.stop().await;
    let folder = path(if stack == Stack::Sqlite { "migrations/sqlite" } else { "migrations/postgres" });
    let mut migrations: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    migrations.sort();
    let run = |migration: &PathBuf, file: &str| {
        app.run_script(&fs::read_to_string(migration.join(file)).unwrap());
    };
    let complete = schema_objects(&app);
    for migration in migrations.iter().rev() {
        run(migration, "down.sql");
    }
    assert_eq!(schema_objects(&app), Vec::<Vec<String>>::new(), "a down migration left objects behind");
    // Applies each migration again, reverts it and applies it once more.
    for migration in &migrations {
        let before = schema_objects(&app);
        run(migration, "up.sql");
        let after = schema_objects(&app);
        let up = fs::read_to_string(migration.join("up.sql")).unwrap();
        // Of data, or of how a table is kept.
        let is_of_data = up.lines().all(|line| {
            line.contains(" SET (fillfactor")
                || !["CREATE", "ALTER", "DROP"].iter().any(|word| line.starts_with(word))
        });
        assert_eq!(before == after, is_of_data, "{}", migration.display());
        run(migration, "down.sql");
        assert_eq!(schema_objects(&app), before, "{}", migration.display());
        run(migration, "up.sql");
        assert_eq!(schema_objects(&app), after, "{}", migration.display());
    }
    assert_eq!(schema_objects(&app), complete, "the application ran other migrations than these");
});

on_both_stacks!(migrating_again_changes_nothing, |stack| async {
    let mut app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let before = schema_objects(&app);
    app.restart().await;
    let _second = app.second_instance().await;
    assert_eq!(schema_objects(&app), before);
    client.get("/profile").await.expect(200).has(&ada.email);
});

on_both_stacks!(migration_backfills_person_and_role_of_sessions, |stack| async {
    let mut app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let database = if stack == Stack::Sqlite { "sqlite" } else { "postgres" };
    let person = "2026-11-21-300000_person_of_sessions";
    let later = [
        "2026-11-21-400000_lists_from_indexes",
        "2026-11-26-050000_search_text",
        "2026-11-26-050100_device_names",
        "2026-11-26-055000_names_of_ended_sessions",
    ];
    let down = later.iter().rev().chain([&person]).map(|migration| (migration, "down"));
    let up = [&person].into_iter().chain(&later).map(|migration| (migration, "up"));
    for (migration, file) in down.chain(up) {
        let file = path(&format!("migrations/{database}/{migration}/{file}.sql"));
        app.run_script(&fs::read_to_string(file).unwrap());
    }
    app.restart().await;
    for (query, found) in [("q=lovelace", &ada), ("role=user", &ada), ("role=admin", &grace)] {
        let page = admin.get(&format!("/admin/sessions?{query}")).await.expect(200);
        assert_eq!(page.texts("table .email"), [&*found.email], "{query}");
    }
});

on_both_stacks!(migration_gives_devices_the_names_of_the_filter, |stack| async {
    let mut app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for (name, user_agent) in [
        ("Ada", "curl/8.5.0"),
        ("Bo", "Mozilla/5.0 (compatible; Examplebot/2.1)"),
        ("Cy", ""),
        (
            "Dee",
            "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
        ),
    ] {
        Person::new(name).register(&app.client().user_agent(user_agent)).await;
    }
    let database = if stack == Stack::Sqlite { "sqlite" } else { "postgres" };
    for file in ["down", "up"] {
        let file = path(&format!("migrations/{database}/2026-11-26-750000_device_kinds/{file}.sql"));
        app.run_script(&fs::read_to_string(file).unwrap());
        app.run_script("UPDATE sessions SET device = 'unknown' WHERE device = 'tool' AND user_agent = ''");
    }
    app.restart().await;
    for (device, email) in [
        ("script", &["ada@example.org", "cy@example.org"][..]),
        ("bot", &["bo@example.org"]),
        ("phone", &["dee@example.org"]),
        ("desktop", &["grace.hopper@example.org"]),
        ("tablet", &[]),
    ] {
        let page = admin.get(&format!("/admin/sessions?device={device}")).await.expect(200);
        let mut emails = page.texts("table .email");
        emails.sort();
        assert_eq!(emails, email, "{device}");
    }
    let page = admin.get("/admin/sessions?device=tool").await.expect(422);
    assert!(page.field_error("device").is_some());
});

#[actix_web::test]
async fn concurrent_migrate_of_new_database_succeeds() {
    let folder = tempfile::TempDir::new().unwrap();
    let vars = [("DATABASE_URL".to_owned(), format!("sqlite://{}/new/site.db", folder.path().display()))];
    let migrate = || {
        std::thread::spawn({
            let vars = vars.clone();
            move || Program::run(&["migrate"], &vars, "")
        })
    };
    let both = [migrate(), migrate()].map(|thread| thread.join().unwrap());
    for finished in &both {
        assert!(finished.status.success(), "{finished:?}");
    }
    let again = Program::run(&["migrate"], &vars, "");
    assert!(again.status.success() && again.stdout.contains("up to date"), "{again:?}");
}
