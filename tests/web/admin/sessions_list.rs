//! Tests `/admin/sessions`, the list of all users' sessions: search, order, pages and ending one session.

use crate::support::{demo, *};

/// The email addresses on the list, in its order.
fn emails(page: &Answer) -> Vec<String> {
    page.texts("table .email")
}

fn count(page: &Answer) -> usize {
    page.texts(".count strong")[0].replace(',', "").parse().unwrap()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

const ADA: &str = "Countess_100%@analytical.example";
const EVA: &str = "eva@example.org";

/// Queries, with the email addresses whose sessions they find.
const SEARCHES: [(&str, &[&str]); 28] = [
    ("q=lovelace", &[ADA]),
    ("q=ADA+LOVE", &[ADA]),
    ("q=+countess+", &[ADA]),
    ("q=ANALYTICAL.example", &[ADA]),
    ("q=100%25", &[ADA]),
    ("q=s_1", &[ADA]),
    ("q=%25", &[ADA]),
    ("q=%C3%89va", &[EVA]),
    ("q=%C3%A5ngstr%C3%B6m", &[EVA]),
    ("q=%C3%89v", &[EVA]),
    ("q=%C3%A9", &[EVA]),
    ("q=%25%40", &[ADA]),
    ("q=_1", &[ADA]),
    ("q=%5F2", &[]),
    ("q=qx", &[]),
    ("q=%C3%9F", &[ADA]),
    ("q=%C3%BE", &[]),
    ("q=nobody", &[]),
    ("q=%27%3B+DROP+TABLE+users%3B--", &[]),
    ("ip=127.0.5.7", &[ADA]),
    ("ip=127.0.5.0%2F24", &[ADA]),
    ("ip=127.0.5.9%2F24", &[ADA]),
    ("ip=%3A%3Affff%3A127.0.5.7", &[ADA]),
    ("ip=127.0.5.8", &[]),
    ("ip=10.0.0.0%2F8", &[]),
    ("ip=2001%3Adb8%3A%3A%2F32", &[]),
    ("q=lovelace&ip=127.0.5.7", &[ADA]),
    ("q=grace&ip=127.0.5.7", &[]),
];

on_both_stacks!(admin_list_filters_by_name_email_and_network, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let away = app.client().bound_to([127, 0, 5, 7]);
    let ada = Person { email: ADA.to_owned(), ..Person::new("Ada Lovelace") };
    ada.register(&away).await;
    let eva = Person { email: EVA.to_owned(), ..Person::new("Éva Ångström") };
    eva.register(&app.client()).await;

    let page = admin.get("/admin/sessions").await.expect(200).has("3 active sessions").has("This session");
    assert_page(&page);
    assert_eq!(emails(&page).len(), 3);
    for (query, found) in SEARCHES {
        let page = admin.get(&format!("/admin/sessions?{query}")).await.expect(200);
        assert_page(&page);
        assert_eq!(emails(&page), found, "{query}");
        assert_eq!(count(&page), found.len(), "{query}");
        if found.is_empty() {
            page.has("No active session fits");
        }
    }
    assert_eq!(count(&admin.get("/admin/sessions?ip=127.0.0.0%2F8").await), 3);
    assert_eq!(count(&admin.get("/admin/sessions?q=&ip=").await), 3);
});

on_both_stacks!(admin_list_filters_by_current_name_and_role, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, laptop) = app.person("Ada Byron").await;
    let phone = app.client();
    ada.sign_in(&phone).await;
    laptop.post("/logout", &[]).await.expect(303);
    let lists = ["/admin/sessions?", "/admin/sessions?state=ended&"];
    let shown = async |query: &str| {
        let mut shown = Vec::new();
        for list in lists {
            let page = admin.get(&format!("{list}{query}")).await.expect(200);
            assert_page(&page);
            assert_eq!(count(&page), emails(&page).len());
            shown.push(emails(&page).iter().filter(|email| **email == ada.email).count());
        }
        shown
    };
    assert_eq!(shown("q=ada+byron").await, [1, 1]);
    assert_eq!(shown("q=ada+lovelace").await, [0, 0]);
    assert_eq!(shown("role=admin").await, [0, 0]);
    assert_eq!(shown("role=user").await, [1, 1]);
    phone.post("/profile", &[("name", "Ada Lovelace")]).await.expect(303);
    assert_eq!(shown("q=ada+byron").await, [0, 0]);
    assert_eq!(shown("q=ada+lovelace").await, [1, 1]);
    assert_eq!(shown("q=A+L").await, [1, 1]);
    let role = format!("{}/role", app.admin_path(&ada));
    admin.post(&role, &[("role", "admin")]).await.expect(303);
    assert_eq!(shown("role=admin").await, [1, 1]);
    assert_eq!(shown("role=user").await, [0, 0]);
    assert_eq!(shown("q=+lovelace&role=admin&sort=started").await, [1, 1]);
});

on_both_stacks!(admin_list_user_id_query_matches_that_user_only, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let long = format!("{}@{}.example.org", "a".repeat(60), "b".repeat(60));
    let ada = Person { email: "ada@example.org".to_owned(), ..Person::new("Ada Lovelace") };
    let nada = Person { email: "nada@example.org".to_owned(), ..Person::new("Nada Surf") };
    let wordy = Person { email: long, ..Person::new("Wordy") };
    for person in [&ada, &nada, &wordy] {
        person.register(&app.client()).await;
    }
    for person in [&ada, &wordy] {
        let number = app.user_id(person);
        let query = format!("/admin/sessions?q=%23{number}");
        let pages = [format!("/admin/sessions/{}", app.session_of(person)), format!("/admin/users/{number}")];
        for page in pages {
            let links = admin.get(&page).await.expect(200).attributes("a", "href");
            assert!(links.contains(&query), "{page}: {links:?}");
        }
        let page = admin.get(&query).await.expect(200);
        assert_page(&page);
        assert_eq!(emails(&page), [&*person.email]);
        assert_eq!(page.value_of("q"), Some(format!("#{number}")));
        let page = page.has(&format!("Person: {} (#{number})", person.name));
        let end = page.forms().into_iter().find(|form| form.action == "/admin/sessions/end").unwrap();
        assert!(end.fields.contains(&("q".to_owned(), format!("#{number}"))), "{:?}", end.fields);
        let fields = [("q", &*format!("#{number}")), ("reason", "Drill")];
        let preview = admin.post("/admin/sessions/end", &fields).await.expect(200);
        preview.has("1 session of 1 person").has(&person.email);
        let arguments = ["sessions", "list", "--q", &format!("#{number}")];
        let printed = Program::run(&arguments, &app.command_vars(), "").done();
        assert!(printed.contains(&person.email) && printed.contains("1 session."), "{printed}");
    }
    let page = admin.get("/admin/sessions?q=%23999999").await.expect(200).has("Person: #999999");
    assert_eq!(emails(&page), Vec::<String>::new());
    admin.get("/admin/sessions?q=%23ada").await.expect(422).has("or # and a user");
});

on_both_stacks!(admin_list_caption_names_sort_order, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (_, client) = app.person("Ada Lovelace").await;
    client.post("/logout", &[]).await.to("/");
    for (query, caption) in [
        ("", "Active sessions, newest activity first"),
        ("sort=started", "Active sessions, newest sign-in first"),
        ("state=ended", "Ended sessions, newest end first"),
        ("state=ended&sort=started", "Ended sessions, newest sign-in first"),
        ("state=ended&older_than=0s", "Ended sessions, newest sign-in first"),
        ("state=ended&idle_over=0s", "Ended sessions, newest activity first"),
    ] {
        let page = admin.get(&format!("/admin/sessions?{query}")).await.expect(200);
        assert_eq!(page.texts("table caption"), [caption], "{query}");
    }
});

on_both_stacks!(admin_list_invalid_filter_422_with_field_error, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let long = "x".repeat(101);
    for (field, value) in [
        ("ip", "10.0.0.0/33"),
        ("ip", "host.example"),
        ("ip", "10.0.0.1-10.0.0.9"),
        ("ip", "<script>"),
        ("ip", "1\u{0}"),
        ("q", "a\u{0}b"),
        ("q", "a\nb"),
        ("q", &long),
    ] {
        let page = admin.get(&format!("/admin/sessions?{field}={}", encoded(value))).await.expect(422);
        assert_page(&page);
        assert!(page.field_error(field).is_some(), "{field}={value:?}");
        let kept = page.value_of(field).unwrap();
        if !value.contains(['\u{0}', '\n']) {
            assert_eq!(kept, value);
        }
        assert_eq!(emails(&page), Vec::<String>::new());
    }
});

on_both_stacks!(admin_list_unknown_cursor_is_no_server_error, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for after in [
        "nonsense",
        "1.",
        ".x",
        "-1",
        "99999999999999999999.x",
        "9223372036854775807.x",
        "-9223372036854775808.x",
        "-300000000000000000.x",
        "1.a%00b",
        "1.%27",
    ] {
        let page = admin.get(&format!("/admin/sessions?after={after}")).await;
        assert!(matches!(page.status, 200 | 422), "{after}: {}", page.summary());
        assert_page(&page);
    }
});

on_both_stacks!(admin_list_pages_hold_fifty_sessions, |stack| async {
    let app = TestApp::builder(stack).var("SESSION_LIMIT", 0).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let cookie = first.cookies();
    // 120 more sessions, four logins at a time.
    let mut clients = Vec::new();
    for _ in 0..30 {
        let batch: Vec<Client> = (0..4).map(|_| app.client()).collect();
        futures_util::future::join_all(batch.iter().map(|client| ada.sign_in(client))).await;
        clients.extend(batch);
    }
    // Many sessions get the same last-seen time.
    app.share_last_seen_times();
    let mut ids = Vec::new();
    let mut sizes = Vec::new();
    for page in admin.all_pages("/admin/sessions?q=ada&ip=127.0.0.0%2F8").await {
        assert_page(&page);
        assert_eq!(count(&page), 121);
        let rows = page.attributes("tbody tr", "id");
        sizes.push(rows.len());
        ids.extend(rows);
    }
    assert_eq!(sizes, [50, 50, 21]);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 121, "every session once");
    drop((cookie, clients));
});

on_both_stacks!(admin_list_sorts_by_last_seen, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    app.set_session_time(&app.session_of(&bob), SessionTime::LastSeen, "2020-01-01 00:00:00");
    app.set_session_time(&app.session_of(&ada), SessionTime::LastSeen, "2021-01-01 00:00:00");
    let page = admin.get("/admin/sessions").await.expect(200);
    assert_eq!(emails(&page), ["grace.hopper@example.org", &ada.email, &bob.email]);
});

on_both_stacks!(admin_end_records_reason_and_actor, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let path = format!("/admin/sessions/{}", app.session_of(&ada));
    let end = format!("{path}/end");
    let list = admin.get("/admin/sessions").await.expect(200);
    assert!(
        list.forms().iter().any(|form| form.action == end),
        "the list has a button that ends the session"
    );

    for reason in ["x".repeat(201).as_str(), "two\nlines"] {
        let page = admin.post(&end, &[("reason", reason)]).await.expect(422);
        assert_page(&page);
        assert!(page.field_error("reason").is_some(), "{reason:?}");
    }
    client.get("/profile").await.expect(200);
    admin.post(&end, &[("reason", "  lost <b>laptop</b> ")]).await.to("/admin/sessions");
    let page = admin.get("/admin/sessions").await.expect(200).has("The session was ended.").lacks(&ada.email);
    assert_eq!((count(&page), emails(&page).len()), (1, 1));
    client.get("/profile").await.to("/login?next=%2Fprofile");
    client.post("/profile", &[("name", "Thief")]).await.expect(401);

    let page = admin.get(&path).await.expect(200);
    assert_page(&page);
    let page = page
        .has("Ended by an administrator")
        .has(&grace.email)
        .has("lost <b>laptop</b>")
        .has("Session ended");
    assert_eq!(page.forms().iter().filter(|form| form.action == end).count(), 0);
    assert_eq!(page.texts("pre"), Vec::<String>::new(), "the state was deleted");
    admin.post(&end, &[("reason", "again")]).await.to("/admin/sessions");
    admin.get("/admin/sessions").await.has("had ended already");
    assert_eq!(app.end_reasons(), ["ended_by_admin"]);
    assert_eq!(app.end_messages("ended_by_admin"), ["lost <b>laptop</b>"]);
});

// More matching users than the query looks up one by one: the list is scanned by the user data in each session row.
on_both_stacks!(admin_list_search_matching_many_users_is_complete, |stack| async {
    let app = TestApp::start(stack).await;
    let password = demo::fill(&app, &["--users", "700", "--sessions", "900", "--ended", "1200"]);
    let admin = app.client();
    demo::sign_in_as_admin(&admin, &password).await;
    for (query, ended, browser, remembered) in [
        ("q=%40example.com", false, None, false),
        ("q=%40", false, None, false),
        ("q=%40example.com&sort=started", false, None, false),
        ("q=%40&browser=safari", false, Some("Safari"), false),
        ("q=%40example.com&remembered=yes", false, None, true),
        ("q=%40example.com&state=ended&remembered=yes", true, None, true),
    ] {
        let matching = app.session_count(ended, browser, remembered);
        let mut ids = Vec::new();
        for page in admin.all_pages(&format!("/admin/sessions?{query}")).await {
            assert_eq!(count(&page), matching, "{query}");
            ids.extend(page.attributes("tbody tr", "id"));
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), matching, "{query}");
    }
    let page = admin.get("/admin/sessions?q=%40example.com&state=ended").await.expect(200);
    assert_eq!(page.texts(".count strong"), ["More than 1,000"]);
    let ends = [("q", "@example.com"), ("reason", "Everyone"), ("browser", "Safari")];
    let preview = admin.post("/admin/sessions/end", &ends).await.expect(200);
    let safari = app.session_count(false, Some("Safari"), false);
    preview.has(&format!("{safari} sessions"));
});

#[actix_web::test]
async fn admin_list_drops_sessions_missing_in_store() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let kept = app.redis().keys();
    let (ada, client) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    let path = format!("/admin/sessions/{}", app.session_of(&ada));
    assert!(app.redis().keys().iter().filter(|key| !kept.contains(key)).all(|key| app.redis().del(key)));
    let page = admin.get(&path).await.expect(200).has("Lost by the session store");
    assert_page(&page);
    let page = admin.get("/admin/sessions").await.expect(200).lacks(&ada.email).lacks(&bob.email);
    assert_eq!((count(&page), emails(&page).len()), (1, 1));
    client.get("/profile").await.to("/login?next=%2Fprofile");

    app.redis().flush();
    admin.get("/admin/sessions").await.to("/login?next=%2Fadmin%2Fsessions");
    grace.sign_in(&admin).await;
    let page = admin.get("/admin/sessions").await.expect(200);
    assert_eq!((count(&page), emails(&page)), (1, vec![grace.email]));
    assert_eq!(app.count_ended_as("missing"), 3);
}

/// A page is filled with the rows that follow; where that takes too long, the page links to the next one.
#[actix_web::test]
async fn admin_list_page_of_missing_sessions_links_next() {
    let app = TestApp::builder(Stack::PostgresRedis).var("SESSION_LIMIT", 0).start().await;
    let password = demo::fill(&app, &["--users", "20", "--sessions", "1300", "--ended", "0"]);
    let lost = app.redis().keys();
    let admin = app.client();
    demo::sign_in_as_admin(&admin, &password).await;
    let kept = app.least_recently_used_store_keys(60);
    for key in lost.into_iter().filter(|key| !kept.contains(&key.replace("sess:", ""))) {
        assert!(app.redis().del(&key));
    }
    let rows: usize = admin.all_pages("/admin/sessions").await.iter().map(|page| emails(page).len()).sum();
    assert_eq!(rows, 61, "the administrator's session and those that the store still has");
}

const CHROME_ON_ANDROID: &str = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/142.0.0.0 Mobile Safari/537.36";

on_both_stacks!(admin_list_offers_browsers_and_systems_in_use, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let phone = app.client().user_agent(CHROME_ON_ANDROID);
    for client in [&phone, &app.client().user_agent("nothing that is known")] {
        ada.sign_in(client).await;
    }
    let offered = async |path: &str| {
        let page = admin.get(path).await;
        ["#browser option", "#os option"].map(|options| page.texts(options))
    };
    assert_eq!(
        offered("/admin/sessions").await,
        [vec!["Any", "Chrome", "Firefox"], vec!["Any", "Android", "Linux"]]
    );
    assert_eq!(offered("/admin/sessions?state=ended").await, [["Any"], ["Any"]]);
    phone.post("/logout", &[]).await.to("/");
    assert_eq!(offered("/admin/sessions").await, [["Any", "Firefox"], ["Any", "Linux"]]);
    assert_eq!(offered("/admin/sessions?state=ended").await, [["Any", "Chrome"], ["Any", "Android"]]);
    // What was chosen stays chosen.
    let page = admin.get("/admin/sessions?browser=chrome&os=linux").await.expect(200);
    assert_eq!(page.value_of("browser").as_deref(), Some("chrome"));
    assert_eq!(page.value_of("os").as_deref(), Some("Linux"));
});

on_both_stacks!(admin_list_has_tabs_of_active_and_ended_with_the_same_filter, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    client.post("/logout", &[]).await.to("/");
    let page = admin.get("/admin/sessions?q=ada&sort=started").await.expect(200);
    assert_eq!(page.texts(".tabs a"), ["Active", "Ended"]);
    assert_eq!(page.texts(".tabs [aria-current]"), ["Active"]);
    let tabs = page.attributes(".tabs a", "href");
    assert_eq!(tabs[1], "/admin/sessions?q=ada&state=ended&sort=started");
    let ended = admin.get(&tabs[1]).await.expect(200);
    assert_eq!(ended.texts(".tabs [aria-current]"), ["Ended"]);
    assert_eq!(emails(&ended), [ada.email]);
    // The filter's form stays in the tab.
    assert_eq!(ended.attributes(".filter input[name=state]", "value"), ["ended"]);
    let mistake = admin.get("/admin/sessions?state=all").await.expect(422);
    let _ = mistake.has("Choose active or ended.");
});

on_both_stacks!(alike_sessions_are_counted_in_the_whole_list, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for _ in 0..52 {
        ada.sign_in(&app.client()).await;
    }
    for _ in 0..2 {
        ada.sign_in_remembered(&app.client()).await;
    }
    ada.sign_in(&app.client().user_agent(CHROME_ON_ANDROID)).await;
    let alike = async |query: &str| {
        let page = admin.get(&format!("/admin/sessions{query}")).await.expect(200);
        let links = page.attributes("table .quiet", "href");
        let mut texts = page.texts("table .quiet");
        assert_eq!(texts.len(), links.len());
        texts.dedup();
        (texts, links)
    };
    let (texts, links) = alike("").await;
    assert_eq!((texts, links.len()), (vec!["55 alike: Ada Lovelace on Firefox 140 on Linux".to_owned()], 49));
    assert_eq!(count(&admin.get(&links[0]).await.expect(200)), 55);
    // Those that the filter leaves out are neither counted nor behind the link.
    let (texts, links) = alike("?q=ada&remembered=no").await;
    assert_eq!(texts, ["53 alike: Ada Lovelace on Firefox 140 on Linux"]);
    assert_eq!(count(&admin.get(&links[0]).await.expect(200)), 53);
    let (texts, _) = alike("?q=ada&remembered=yes").await;
    assert_eq!(texts, ["2 alike: Ada Lovelace on Firefox 140 on Linux"]);
});

#[actix_web::test]
async fn very_many_alike_sessions_are_counted_up_to_a_limit() {
    let app = TestApp::builder(Stack::Sqlite).var("SESSION_LIMIT", 0).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    app.copy_session(&app.session_of(&ada), 3_000);
    let page = admin.get("/admin/sessions?browser=Lynx").await.expect(200);
    let texts = page.texts("table .quiet");
    assert_eq!(texts.len(), 50);
    assert!(texts[0].starts_with("At least 2,001 alike"), "{texts:?}");
}

on_both_stacks!(session_page_leads_back_to_the_list_it_was_opened_from, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let id = app.session_of(&ada);
    let link = async |list: &str| {
        let found = admin.get(list).await.expect(200).attributes("table a.name", "href");
        found.into_iter().find(|href| href.contains(&id)).unwrap()
    };
    assert_eq!(link("/admin/sessions").await, format!("/admin/sessions/{id}"));
    let page = admin.get(&format!("/admin/sessions/{id}")).await.expect(200);
    assert_eq!(
        (page.texts(".back a"), page.attributes(".back a", "href")),
        (vec!["All sessions".to_owned()], vec!["/admin/sessions".to_owned()])
    );

    let list = "/admin/sessions?q=ada&browser=Firefox&sort=started";
    let page = admin.get(&link(list).await).await.expect(200);
    assert_page(&page);
    assert_eq!(
        (page.texts(".back a"), page.attributes(".back a", "href")),
        (vec!["Back to the list".to_owned()], vec![list.to_owned()])
    );
    // A mistake doesn't lose it, and the end leads there.
    let action = format!("/admin/sessions/{id}/end");
    let mistake = "x".repeat(201);
    let form = page.form(&action);
    let page = admin.post(&action, &form.with(&[("reason", &mistake)])).await.expect(422);
    assert_eq!(page.attributes(".back a", "href"), [list]);
    admin.post(&action, &page.form(&action).with(&[("reason", "")])).await.to(list);
    for elsewhere in ["https://evil.example", "//evil.example", "javascript:alert(1)"] {
        let page = admin.get(&format!("/admin/sessions/{id}?back={}", encoded(elsewhere))).await.expect(200);
        assert_eq!(page.attributes(".back a", "href"), ["/admin/sessions"]);
    }
});

on_both_stacks!(sessions_that_look_alike_are_counted_and_linked, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, own) = app.person("Ada Lovelace").await;
    for _ in 0..5 {
        ada.sign_in(&app.client().user_agent(CHROME_ON_ANDROID)).await;
    }
    let page = admin.get("/admin/sessions").await.expect(200);
    assert_eq!(page.texts("table .quiet").len(), 5);
    let alike = page.attributes("table .quiet", "href").remove(0);
    let found = admin.get(&alike).await.expect(200);
    assert_eq!((count(&found), found.texts("table .quiet").len()), (5, 0));

    let page = own.get("/sessions").await.expect(200);
    assert_eq!(page.texts(".alike summary"), ["4 more on Chrome 142 on Android"]);
    assert_eq!(page.texts(".session").len(), 6, "all are on the page");
});
