//! Tests `/admin/events`, the security log, and its export `/admin/events.csv`.

use time::OffsetDateTime;

use crate::support::*;

/// The event kinds on the page, in its order.
fn event_kinds(page: &Answer) -> Vec<String> {
    page.texts("tbody th")
}

/// Asserts that a query finds so many events, and that the page says so and shows its filters.
async fn assert_finds(admin: &Client, query: &str, found: usize) {
    let page = admin.get(&format!("/admin/events?{query}")).await.expect(200);
    assert_page(&page);
    assert_eq!(event_kinds(&page).len(), found, "{query}: {:?}", event_kinds(&page));
    let chips = query.split('&').filter(|field| !field.ends_with('=')).count();
    assert_eq!(page.texts(".chip").len(), chips, "{query}");
    if found == 0 {
        page.has("No event fits");
    } else {
        let words = if found == 1 { "1 event".to_owned() } else { format!("{found} events") };
        assert_eq!(page.texts(".count strong"), [words]);
    }
}

/// Queries, with how many events they find.
const SEARCHES: [(&str, usize); 21] = [
    ("kind=registered", 2),
    ("kind=sign_in_failed", 2),
    ("kind=sign_in_failed&q=lovelace", 1),
    ("q=LOVE", 5),
    ("q=100%25", 5),
    ("q=s_1", 5),
    ("q=nobody", 0),
    ("q=%23424242", 1),
    ("q=%239999999", 0),
    ("q=%27%3B+DROP+TABLE+events%3B--", 0),
    ("ip=127.0.5.7", 4),
    ("ip=127.0.5.0%2F24", 4),
    ("ip=127.0.0.0%2F8", 6),
    ("ip=10.0.0.0%2F8", 0),
    ("to=2020-03-01", 2),
    ("to=2020-03-02", 3),
    ("from=2020-03-01&to=2020-03-01", 1),
    ("from=2020-03-01T23:59:59Z&to=2020-03-02T00:00:00Z", 1),
    ("from=2020-03-02T00:59:59%2B01:00&to=2020-03-02T01:00:00%2B01:00", 1),
    ("from=2020-02-29T10:00&to=2020-02-29T10:01", 1),
    ("kind=&q=&ip=&from=&to=", 9),
];

on_both_stacks!(events_list_filters_by_kind_user_network_and_time, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let away = app.client().bound_to([127, 0, 5, 7]);
    let ada = Person { email: "Countess_100%@analytical.example".to_owned(), ..Person::new("Ada Lovelace") };
    ada.register(&away).await;
    away.post("/login", &[("email", &ada.email), ("password", "wrong")]).await.expect(401);
    away.post("/login", &[("email", "nobody@example.org"), ("password", "wrong")]).await.expect(401);
    let number = app.user_id(&ada);
    app.insert_event("2020-02-29 10:00:00", "name_changed", &number, "in 2020");
    app.insert_event("2020-03-01 23:59:59.5", "name_changed", &number, "late on the first of March");
    app.insert_event("2020-03-02 00:00:00.5", "name_changed", "424242", "of a deleted user");

    let page = admin.get("/admin/events").await.expect(200).has("9 events").has("Nobody we know");
    assert_page(&page);
    assert_eq!(
        event_kinds(&page)[0],
        "Name changed of a deleted user",
        "the last inserted event comes first, whatever its time"
    );
    assert_eq!(page.texts("tbody .name")[0], "user 424242");
    let today = OffsetDateTime::now_utc().date();
    let (today_and_on, person) = (format!("from={today}"), format!("q=%23{number}"));
    for (query, found) in SEARCHES.into_iter().chain([(person.as_str(), 5), (today_and_on.as_str(), 6)]) {
        assert_finds(&admin, query, found).await;
    }
    let page = admin.get("/admin/events?kind=name_changed&to=2020-03-01").await.expect(200);
    assert_eq!(page.value_of("kind").as_deref(), Some("name_changed"));
    assert_eq!(page.value_of("to").as_deref(), Some("2020-03-01"));
    assert_eq!(page.texts(".chip bdi"), ["Name changed", "2020-03-01"]);
    assert_eq!(
        page.attributes(".chip", "href"),
        ["/admin/events?to=2020-03-01", "/admin/events?kind=name_changed"]
    );
});

on_both_stacks!(events_list_filters_by_days_of_the_reader, |stack| async {
    let app = TestApp::builder(stack).var("SITE_TIMEZONE", "Asia/Tokyo").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    // Clocks in Berlin are set back in that night, so the day has 25 hours there.
    let times = ["2026-10-24 15:00:00", "2026-10-24 22:00:00", "2026-10-25 22:59:59", "2026-10-25 23:00:00"];
    for at in times {
        app.insert_event(at, "name_changed", "424242", at);
    }
    let (day, until) = ("kind=name_changed&from=2026-10-25&to=2026-10-25", "kind=name_changed&to=2026-10-24");
    let time = "kind=name_changed&from=2026-10-25T23:59&to=2026-10-26T00:00";
    for (zone, found) in [("", [2, 0, 0]), ("Europe/Berlin", [2, 1, 1]), ("UTC", [2, 2, 0])] {
        if !zone.is_empty() {
            admin.set_cookie("reader-zone", zone);
        }
        for (query, found) in [day, until, time].into_iter().zip(found) {
            assert_finds(&admin, query, found).await;
            let file = admin.get(&format!("/admin/events.csv?{query}")).await.expect(200);
            assert_eq!(file.body.lines().count(), found + 1, "{zone}: {query}");
        }
    }
});

on_both_stacks!(events_list_shows_actor_address_and_reason, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let ada = Person { name: "<b>Ada</b> Lovelace".to_owned(), ..Person::new("Ada Lovelace") };
    let client = app.client();
    ada.register(&client).await;
    let id = app.session_of_last_sign_in();
    admin.post(&format!("/admin/sessions/{id}/end"), &[("reason", "lost <i>laptop</i>")]).await;
    let page = admin.get("/admin/events?kind=session_ended").await.expect(200);
    assert_page(&page);
    assert_eq!(event_kinds(&page), ["Session ended Ended by an administrator: lost <i>laptop</i>"]);
    let page = page.has(&ada.name).has(&ada.email).has(&format!("by {} ({})", grace.name, grace.email));
    let page = page.has("127.0.0.1").has("Firefox 140 on Linux");
    assert_eq!(page.attributes("tbody .act a", "href"), [format!("/admin/sessions/{id}")]);
    assert_eq!(page.attributes("tbody .name", "href"), [format!("/admin/users/{}", app.user_id(&ada))]);

    // After a deletion the log keeps the user's id, and the session's page no longer exists.
    ada.sign_in(&client).await;
    client.post("/profile/delete", &[("current_password", PASSWORD)]).await.to("/");
    let page = admin.get("/admin/events?kind=session_ended").await.expect(200).lacks(&ada.email);
    assert!(page.texts("tbody td").iter().any(|cell| cell.contains("since deleted")), "{}", page.text());
    assert_eq!(page.attributes("tbody .act a", "href"), Vec::<String>::new());
    let own = page.attributes("tbody .name", "href")[0].clone();
    let page = admin.get(&own).await.expect(200).has("Account deleted").has("Account created");
    assert_page(&page);
});

on_both_stacks!(events_list_invalid_filter_422_keeps_input, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let long = "x".repeat(101);
    for path in ["/admin/events", "/admin/events.csv"] {
        for (field, value) in [
            ("kind", "nonsense"),
            ("ip", "10.0.0.0/33"),
            ("q", &long),
            ("q", "#"),
            ("q", "#99999999999999999999"),
            ("from", "yesterday"),
            ("to", "2026-02-30"),
            ("to", "99999-01-01"),
            ("from", "<script>"),
        ] {
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            let page = admin.get(&format!("{path}?{field}={encoded}")).await.expect(422);
            assert_page(&page);
            assert!(page.field_error(field).is_some(), "{field}={value:?}");
            if field != "kind" {
                assert_eq!(page.value_of(field).as_deref(), Some(value));
            }
            assert_eq!(event_kinds(&page), Vec::<String>::new());
        }
        let page = admin.get(&format!("{path}?from=2026-01-02&to=2026-01-01")).await.expect(422);
        assert!(page.field_error("to").is_some());
    }
    for after in ["nonsense", "-1", "0", "1.5", "99999999999999999999", "%00"] {
        let page = admin.get(&format!("/admin/events?after={after}")).await.expect(422);
        assert_page(&page);
    }
    admin.get("/admin/events?after=1").await.expect(200).has("Nothing further");
    admin.get("/admin/events?q=%00").await.expect(422);
    admin.get("/admin/events?from=9999-12-31").await.expect(200);
    admin.get("/admin/events?from=0001-01-01&q=%239223372036854775807").await.expect(200);
});

/// Details that need quoting or escaping in a CSV file.
const AWKWARD: [&str; 7] =
    ["=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1;A2)", "a, \"b\"", "two\r\nlines", "ünï\u{1F600}"];

on_both_stacks!(events_csv_equals_filtered_list, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let number = app.user_id(&ada);
    app.rename_user(&ada, "=cmd|' /C calc'!A0, \"Ada\"");
    let details: Vec<String> = (0..3_000).map(|n| format!("{}#{n}", AWKWARD[n % AWKWARD.len()])).collect();
    let kind = |n: usize| if n.is_multiple_of(2) { "name_changed" } else { "password_changed" };
    let events = details.iter().enumerate();
    let events = events.map(|(n, detail)| ("2026-01-01 00:00:00", kind(n), Some(&*number), Some(&**detail)));
    app.insert_events(&events.collect::<Vec<_>>());

    let file = admin.get("/admin/events.csv?kind=name_changed&q=analytic").await.expect(200);
    assert_eq!(parse_csv(&file.body).len(), 1, "without a match the file has its header line only");
    let file = admin.get("/admin/events.csv?kind=name_changed&q=lovelace@").await.expect(200);
    assert_page(&file);
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let name = format!("attachment; filename=\"events-{}.csv\"", OffsetDateTime::now_utc().date());
    assert_eq!(file.header("content-disposition"), Some(name.as_str()));
    let rows = parse_csv(&file.body);
    assert_eq!(rows.len(), 1_501);
    let head = rows[0].clone();
    assert!(rows.iter().all(|row| row.len() == head.len()), "{head:?}");
    let column = |name: &str| head.iter().position(|title| title == name).unwrap();
    for (row, n) in rows[1..].iter().zip((0..3_000).rev().filter(|n| n % 2 == 0)) {
        let detail = format!("{}#{n}", AWKWARD[n % AWKWARD.len()]);
        let mark = if detail.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
        assert_eq!(row[column("detail")], format!("{mark}{detail}"));
        assert_eq!(row[column("user_name")], "'=cmd|' /C calc'!A0, \"Ada\"");
        assert_eq!(
            (row[column("kind")].as_str(), row[column("user_email")].as_str()),
            ("name_changed", &*ada.email)
        );
        assert_eq!(row[column("time")], "2026-01-01T00:00:00Z");
        assert_eq!(row[column("user_id")], number);
    }

    // The pages of the list show the same events as the file.
    let mut ids = Vec::new();
    for page in admin.all_pages("/admin/events?kind=name_changed&q=lovelace@").await {
        assert_eq!(page.texts(".count strong"), ["1,500 events"]);
        ids.extend(page.attributes("tbody tr", "id"));
    }
    let in_file: Vec<String> = rows[1..].iter().map(|row| format!("event-{}", row[0])).collect();
    assert_eq!(ids, in_file);
    let page = admin.get("/admin/events?kind=name_changed").await.expect(200);
    assert_eq!(page.attributes("a[download]", "href"), ["/admin/events.csv?kind=name_changed"]);
});

on_both_stacks!(events_csv_aborts_when_admin_access_is_lost, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    // More than the socket buffers hold, so that most is still unread when the reader stops.
    let long = "x".repeat(4_000);
    app.insert_events(&vec![("2026-01-01 00:00:00", "name_changed", None, Some(&*long)); 8_000]);
    let whole = admin.get("/admin/events.csv").await.expect(200);
    assert!(whole.body.len() > 30_000_000, "an uninterrupted download is complete");

    // While the download runs the administrator is demoted, or the session ends: the response is aborted.
    for demoted in [true, false] {
        let cookie = admin.cookie("gatehouse").unwrap();
        let mut answer = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(app.url("/admin/events.csv"))
            .header("cookie", format!("{}={}", cookie.name, cookie.value))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.chunk().await.unwrap().expect("a first chunk");
        if demoted {
            app.demote(&grace);
        } else {
            admin.post("/logout", &[]).await.to("/");
        }
        let end = loop {
            match answer.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        assert!(end.is_err(), "the connection is aborted");
        app.make_admin(&grace);
    }
});

/// Parses CSV (RFC 4180) independently of the product: a list of lines, each a list of fields.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut letters) = (false, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut field)),
            '\r' if !quoted && letters.peek() == Some(&'\n') => {
                letters.next();
                line.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut line));
            }
            letter => field.push(letter),
        }
    }
    assert!(line.is_empty() && field.is_empty() && !quoted, "the last line is complete");
    lines
}
