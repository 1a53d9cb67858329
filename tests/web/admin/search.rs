//! Tests the search for users: names are found in any case and composition, whatever the locale of the database.

use crate::support::*;

/// Names, and what finds each of them.
const NAMES: [(&str, &[&str]); 5] = [
    ("Émile Zola", &["Émile", "émile", "ÉMILE", "E\u{301}mile", "\u{c9}M", "É"]),
    ("Øyvind Berg", &["Øyvind", "øyvind", "ØYVIND", "øy"]),
    ("İstanbul Kaya", &["İstanbul", "istanbul", "i\u{307}stanbul", "İSTANBUL", "ISTANBUL"]),
    ("Ilgaz Demir", &["Ilgaz", "ilgaz", "ILGAZ", "ılgaz"]),
    ("Ὀδυσσεύς Ⅷ", &["ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς", "viii"]),
];

/// How databases are made whose own lower case is not ours: of ASCII only, and of Turkish.
const LOCALES: [&str; 2] = ["LOCALE 'C'", "LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR'"];

async fn register_all(app: &TestApp) {
    for (number, (name, _)) in NAMES.iter().enumerate() {
        let email = format!("name{number}@example.org");
        let _ = Person { email, ..Person::new(name) }.register(&app.client()).await;
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Asserts that every page with a search finds everyone.
async fn assert_all_found(admin: &Client) {
    for (number, (_, queries)) in NAMES.iter().enumerate() {
        for query in *queries {
            for list in ["/admin/sessions", "/admin/users"] {
                let page = admin.get(&format!("{list}?q={}", encoded(query))).await.expect(200);
                assert_eq!(
                    page.texts("table .email"),
                    [format!("name{number}@example.org")],
                    "{list} {query}"
                );
            }
            let log = admin.get(&format!("/admin/events.csv?q={}", encoded(query))).await.expect(200);
            log.has(&format!("name{number}@example.org"));
        }
    }
}

on_both_stacks!(search_finds_names_in_any_case_in_every_locale, |stack| async {
    for locale in LOCALES {
        let app = TestApp::builder(stack).database(locale).start().await;
        let (_, admin) = app.admin("Grace Hopper").await;
        register_all(&app).await;
        assert_all_found(&admin).await;
        if stack == Stack::Sqlite {
            break;
        }
    }
});

on_both_stacks!(search_finds_browser_in_any_case_in_every_locale, |stack| async {
    const EXPLORER: &str = "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko";
    let app = TestApp::builder(stack).database(LOCALES[1]).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let ada = Person::new("Ada Lovelace");
    let _ = ada.register(&app.client().user_agent(EXPLORER)).await;
    for query in ["browser=ie", "browser=IE", "os=windows", "os=WINDOWS&browser=iE"] {
        let page = admin.get(&format!("/admin/sessions?{query}")).await.expect(200);
        assert_eq!(page.texts("table .email"), [&*ada.email], "{query}");
    }
    let none = admin.get("/admin/sessions?browser=I").await.expect(200);
    assert!(none.texts("table .email").is_empty());
});

on_both_stacks!(search_for_invisible_text_refused, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for list in ["/admin/sessions", "/admin/users", "/admin/events"] {
        let page = admin.get(&format!("{list}?q=%E2%80%8B")).await.expect(422);
        assert!(page.has("Enter part of a name").texts("table .email").is_empty(), "{list}");
    }
    let arguments = ["sessions", "end", "--q", "\u{200b}", "--reason", "test", "--yes"];
    assert!(Program::run(&arguments, &app.command_vars(), "").failed().starts_with("--q: "));
    assert_eq!(app.active_session_ids().len(), 1);
});

on_both_stacks!(cli_sessions_end_by_name_of_nobody_fails, |stack| async {
    let app = TestApp::builder(stack).database(LOCALES[0]).start().await;
    register_all(&app).await;
    let end = |q: &str| {
        let arguments = ["sessions", "end", "--q", q, "--reason", "test", "--yes"];
        Program::run(&arguments, &app.command_vars(), "")
    };
    let message = end("Emily").failed();
    assert!(message.contains("Emily") && message.lines().count() == 1, "{message}");
    assert_eq!(end("ÉMILE").done(), "1 session ended.\n");
    // There is somebody, with nothing left to end.
    assert_eq!(end("ÉMILE").done(), "No active session matches.\n");
    assert_eq!(app.active_session_ids().len(), NAMES.len() - 1);
});

on_both_stacks!(search_texts_of_old_rows_are_filled_at_start, |stack| async {
    let mut app = TestApp::builder(stack).database(LOCALES[0]).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    register_all(&app).await;
    let ended = app.newest_session();
    app.end_in_database(&ended, "logout");
    app.forget_search_texts();
    app.stop().await;
    // More than one batch, with two instances at once.
    app.insert_users_without_search_text(1_200);
    let (first, second) = tokio::join!(app.second_instance(), app.second_instance());
    assert_eq!(app.users_without_search_text(), 0);
    let admin = admin.at(&first);
    let last = NAMES.len() - 1;
    for (number, (name, _)) in NAMES.iter().enumerate() {
        let state = if number == last { "ended" } else { "active" };
        let address = format!("/admin/sessions?state={state}&q={}", encoded(name));
        let page = admin.get(&address).await.expect(200);
        assert_eq!(page.texts("table .email"), [format!("name{number}@example.org")], "{name}");
    }
    first.assert_search_texts_copied();
    drop(second);
});

#[test]
fn database_not_in_utf8_refused_at_start() {
    for encoding in ["SQL_ASCII", "LATIN1"] {
        let database = PostgresDatabase::made_with(&format!("ENCODING '{encoding}' LOCALE 'C'"));
        let secret = random_secret();
        let vars =
            [("DATABASE_URL", database.url()), ("SESSION_SECRET", &secret), ("LISTEN_ADDR", "127.0.0.1:0")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        for command in ["serve", "migrate"] {
            let message = Program::run(&[command], &vars, "").failed();
            assert!(message.contains(encoding) && message.contains("UTF8"), "{command}: {message}");
        }
    }
}
