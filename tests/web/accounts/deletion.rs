//! Tests what a deleted account leaves behind: nothing that names its person.

use crate::support::{smtp::SmtpServer, throttling::WRONG, *};

/// Fills all that the site keeps of a person, with their name wherever somebody can write it.
async fn leave_traces(app: &TestApp, admin: &Client, zuleika: &Person, client: &Client) {
    let remarks = [("reason", "Zuleika has lost it"), ("note", "Quimby, Zuleika: ticket 4711")];
    let page = app.admin_path(zuleika);
    for agent in ["curl/8.14.1", "Wget/1.21"] {
        zuleika.sign_in(&app.client().user_agent(agent)).await;
    }
    let _ =
        admin.post(&format!("/admin/sessions/{}/end", app.session_in("curl")), &remarks).await.expect(303);
    let bulk = [&remarks[..], &[("q", "quimby"), ("browser", "Wget")]].concat();
    let preview = admin.post("/admin/sessions/end", &bulk).await.expect(200);
    let _ =
        admin.post("/admin/sessions/end", &preview.form("/admin/sessions/end").with(&[])).await.expect(303);
    let _ = admin.post(&format!("{page}/deactivate"), &remarks).await.expect(303);
    let _ = admin.post(&format!("{page}/activate"), &[]).await.expect(303);
    let guesser = app.client();
    let _ = guesser.post("/login", &[("email", &zuleika.email), ("password", WRONG)]).await.expect(401);
    zuleika.sign_in(client).await;
    let _ = client.post("/profile", &[("name", "Zuleika R. Quimby")]).await.to("/profile");
    zuleika.sign_in(&app.client().user_agent("Robot/1.0")).await;
    let _ = admin.post(&format!("{page}/send-reset"), &[]).await.expect(200);
}

on_both_stacks!(account_deletion_leaves_nothing_that_names_the_person, |stack| async {
    let smtp = SmtpServer::start_own();
    smtp.set_mode("450");
    let builder = TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "on");
    let app = builder.var("THROTTLE", "on").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (zuleika, client) = app.person("Zuleika Quimby").await;
    leave_traces(&app, &admin, &zuleika, &client).await;
    let id = app.user_id(&zuleika);
    let hash = app.password_hash_of(&zuleika);
    assert_eq!(app.tables_with(&zuleika.email), ["mails", "sessions", "sign_in_notices", "tokens", "users"]);
    assert_eq!(
        app.tables_with("zuleika"),
        ["events", "mails", "sessions", "sign_in_notices", "tokens", "users"]
    );
    let events = app.events_of_kinds(&["session_ended", "deactivated", "name_changed", "signed_in"]).len();

    let _ = client.post("/profile/delete", &[("current_password", PASSWORD)]).await.to("/");
    // The last mail waits for its server.
    assert_eq!((app.tables_with(&zuleika.email), app.waiting_mails()), (vec!["mails".to_owned()], 1));
    smtp.set_mode("accept");
    app.make_mails_due();
    eventually(|| async { app.waiting_mails() == 0 }).await;
    for trace in [&*zuleika.email, "zuleika", "quimby", "4711", &hash] {
        assert_eq!(app.tables_with(trace), Vec::<String>::new(), "{trace}");
    }
    if stack == Stack::PostgresRedis {
        let left: Vec<String> =
            app.redis().keys().into_iter().filter(|key| key.starts_with("sess:")).collect();
        assert_eq!(left, [app.redis_key_of(&app.session_of("grace.hopper@example.org"))]);
    }
    // What happened is still known, by the number of the account.
    let left = app.events_of_kinds(&["session_ended", "deactivated", "name_changed", "signed_in"]).len();
    assert!(left > events, "all stay, and the ends of the sessions that were active are added: {left}");
    let ends = app.details_of_events("session_ended");
    assert!(
        ends.contains(&"ended_by_admin".to_owned()) && ends.contains(&"user_deactivated".to_owned()),
        "{ends:?}"
    );
    let page = admin.get(&format!("/admin/events?q=%23{id}")).await.expect(200);
    assert_page(&page.has("Account deleted").has("127.0.0.1"));
    let mails = smtp.mails();
    assert_eq!((mails.len(), mails[0].header("Subject")), (1, "Your account at localhost was deleted"));
    // Somebody else with the address is somebody else.
    let again = Person::new("Zuleika Quimby");
    again.register(&app.client()).await;
    assert_ne!(app.user_id(&again), id);
    assert_eq!(app.account_events(&again), []);
});

on_both_stacks!(account_deletion_keeps_notes_about_others, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    for person in [&ada, &bob] {
        let fields = [("reason", "Lost"), ("note", "Ticket 4711")];
        let path = format!("{}/end-sessions", app.admin_path(person));
        let _ = admin.post(&path, &fields).await.expect(303);
    }
    ada.sign_in(&client).await;
    let _ = client.post("/profile/delete", &[("current_password", PASSWORD)]).await.to("/");
    assert_eq!(app.event_count_with("ended_by_admin: Lost"), 1);
    assert_eq!(app.end_notes("ended_by_admin"), ["Ticket 4711"]);
});
