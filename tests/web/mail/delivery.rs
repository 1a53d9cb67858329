//! Tests what becomes of mail: it is sent once, waits while the server refuses or is away, and is given up in the end.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use crate::support::{
    smtp::{STEPS, SmtpServer},
    *,
};

/// A mail server of the test's own, an application that sends there, and an administrator.
async fn with_mail_server(stack: Stack) -> (SmtpServer, TestApp, Client) {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    app.all_mails_sent().await;
    (smtp, app, admin)
}

async fn invite(admin: &Client, email: &str) {
    let fields = [("name", "Ada Lovelace"), ("email", email), ("role", "user")];
    let _ = admin.post("/admin/users", &fields).await.expect(201);
}

/// The overview's facts about mail: where it goes, how many wait, how many were given up, and the last failure if there was one.
async fn mail_facts(admin: &Client) -> Vec<String> {
    let page = admin.get("/admin").await.expect(200);
    assert_page(&page);
    page.texts("section[aria-labelledby=mail-title] dd")
}

on_both_stacks!(mail_refused_for_now_is_sent_later, |stack| async {
    let (smtp, app, admin) = with_mail_server(stack).await;
    smtp.set_mode("450");
    invite(&admin, "ada@example.org").await;
    eventually(|| async { !app.mail_errors().is_empty() }).await;
    let facts = mail_facts(&admin).await;
    assert!(facts[0].starts_with("the mail server 127.0.0.1, port "), "{facts:?}");
    assert_eq!(facts[1..3], ["1", "0"]);
    assert!(facts[3].contains("450") && facts[3].contains("<ada@example.org> is refused"), "{facts:?}");
    assert_eq!(smtp.mails().len(), 0);
    smtp.set_mode("accept");
    app.make_mails_due();
    smtp.wait_for(1).await;
    eventually(|| async { app.waiting_mails() == 0 }).await;
    assert_eq!(mail_facts(&admin).await[1..], ["0", "0"]);
    assert_eq!(smtp.mails().len(), 1);
});

on_both_stacks!(mail_refused_for_good_is_given_up_and_shown, |stack| async {
    let (smtp, app, admin) = with_mail_server(stack).await;
    smtp.set_mode("550");
    invite(&admin, "ada@example.org").await;
    eventually(|| async { app.mails_given_up() == 1 }).await;
    let facts = mail_facts(&admin).await;
    assert_eq!(facts[1..3], ["0", "1"]);
    assert!(facts[3].contains("550"), "{facts:?}");
    assert!(!app.mail_texts().contains("token="), "the link is gone");
    app.age_mails_given_up(31);
    assert_eq!(mail_facts(&admin).await[1..], ["0", "0"], "it is shown for 30 days");
    invite(&admin, "eve@example.org").await;
    // And then deleted.
    eventually(|| async { app.mails_given_up() == 1 && !app.mail_texts().contains("ada@example.org") }).await;
    smtp.set_mode("accept");
    invite(&admin, "bob@example.org").await;
    assert_eq!(smtp.wait_for(1).await[0].to, ["bob@example.org"]);
});

on_both_stacks!(mail_is_given_up_after_three_days, |stack| async {
    let (smtp, app, admin) = with_mail_server(stack).await;
    smtp.set_mode("450");
    invite(&admin, "ada@example.org").await;
    eventually(|| async { !app.mail_errors().is_empty() }).await;
    app.age_mails(2);
    app.make_mails_due();
    eventually(|| async { !app.mail_texts().contains("2020-01-01") }).await;
    assert_eq!((app.waiting_mails(), app.mails_given_up()), (1, 0));
    app.age_mails(3);
    eventually(|| async {
        app.make_mails_due();
        app.mails_given_up() == 1
    })
    .await;
    assert_eq!(smtp.mails().len(), 0);
});

on_both_stacks!(mail_server_that_hangs_holds_up_no_page, |stack| async {
    let (smtp, app, admin) = with_mail_server(stack).await;
    smtp.freeze();
    let start = Instant::now();
    for email in ["ada@example.org", "bob@example.org", "eve@example.org"] {
        invite(&admin, email).await;
    }
    assert_eq!(mail_facts(&admin).await[1], "3");
    // Pages take milliseconds; a connection to the mail server is given ten seconds.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    smtp.thaw();
    smtp.wait_for(3).await;
    eventually(|| async { app.waiting_mails() == 0 }).await;
    assert_eq!(smtp.mails().len(), 3);
});

on_both_stacks!(mail_survives_a_server_that_dies_at_any_step, |stack| async {
    let (mut smtp, app, admin) = with_mail_server(stack).await;
    for step in STEPS {
        let email = format!("{step}@example.org");
        smtp.set_mode(&format!("die {step}"));
        invite(&admin, &email).await;
        eventually(|| async { app.waiting_mails() == 0 || !app.mail_errors().is_empty() }).await;
        eventually(|| std::future::ready(!smtp.runs())).await;
        // Once it was accepted, it is sent.
        assert_eq!(app.waiting_mails(), usize::from(step != "quit"), "{step}");
        smtp.set_mode("accept");
        smtp.restart();
        app.make_mails_due();
        eventually(|| async { app.waiting_mails() == 0 }).await;
        let copies = smtp.mails().iter().filter(|mail| mail.to == [&*email]).count();
        assert_eq!(copies, if step == "accepted" { 2 } else { 1 }, "{step}");
    }
});

on_both_stacks!(mail_is_sent_once_by_two_instances, |stack| async {
    let mut smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    let second = app.second_instance().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    app.all_mails_sent().await;
    smtp.kill();
    for number in 0..20 {
        let at = if number % 2 == 0 { admin.at(&app) } else { admin.at(&second) };
        invite(&at, &format!("n{number}@example.org")).await;
    }
    eventually(|| async { app.mail_errors().len() == 20 }).await;
    smtp.restart();
    app.make_mails_due();
    smtp.wait_for(20).await;
    eventually(|| async { app.waiting_mails() == 0 }).await;
    let mut recipients: Vec<String> = smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
    recipients.sort();
    let sent = recipients.len();
    recipients.dedup();
    assert_eq!((sent, recipients.len()), (20, 20));
});

on_both_stacks!(mail_is_not_written_when_what_it_tells_does_not_happen, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    app.all_mails_sent().await;
    let fields = [("name", "Grace"), ("email", &*grace.email), ("role", "user")];
    let _ = admin.post("/admin/users", &fields).await.expect(422);
    invite(&admin, "ada@example.org").await;
    assert_eq!(smtp.wait_for(1).await[0].to, ["ada@example.org"]);
    eventually(|| async { app.waiting_mails() == 0 }).await;
    assert_eq!(smtp.mails().len(), 1);
});

#[actix_web::test]
async fn mail_without_a_server_becomes_private_files_that_the_log_names() {
    for stack in [Stack::Sqlite, Stack::PostgresRedis] {
        let program = TestApp::builder(stack).var("SMTP_URL", "").start_program();
        let (ada, client) = (Person::new("Ada Lovelace"), program.client());
        ada.register(&client).await;
        program.command(&["user", "reset-password", &ada.email], "").done();
        let path = eventually(|| async {
            let log = program.output();
            let (_, rest) = log.split_once("file=")?;
            Some(program.folder().join(rest.split_whitespace().next()?))
        })
        .await;
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700), "{}", path.display());
        let mail = fs::read_to_string(&path).unwrap();
        assert!(mail.contains("To: \"Ada Lovelace\" <ada.lovelace@example.org>"), "{mail}");
        assert!(!program.output().contains("?token="), "{}", program.output());
        eventually(|| async { program.waiting_mails() == 0 }).await;
    }
}
