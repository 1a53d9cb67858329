//! Tests the notices of changes: a password, a new administrator, a deleted account.

use crate::support::{
    authenticator::Authenticator,
    passkey::SoftPasskey,
    smtp::{Mail, SmtpServer},
    *,
};

const NEW: &str = "copper-lantern-17-orchid";

async fn start(stack: Stack, smtp: &SmtpServer) -> TestApp {
    TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "on").start().await
}

/// All mails once none waits any more.
async fn mails(app: &TestApp, smtp: &SmtpServer) -> Vec<Mail> {
    eventually(|| async { app.waiting_mails() == 0 }).await;
    smtp.mails()
}

fn assert_says(mail: &Mail, parts: &[&str]) {
    for part in parts {
        assert!(mail.text.contains(part), "{part}: {}", mail.text);
    }
}

on_both_stacks!(notice_of_a_changed_password, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let change = |old, new| [("current_password", old), ("password", new), ("password_confirmation", new)];
    let _ = client.post("/profile/password", &change("wrong-anchor-93-maple", NEW)).await.expect(422);
    let _ = client.post("/profile/password", &change(PASSWORD, "short")).await.expect(422);
    let _ = client.post("/profile/password", &change(PASSWORD, NEW)).await.to("/profile");
    let sent = mails(&app, &smtp).await;
    assert_eq!((sent.len(), &sent[0].to), (1, &vec![ada.email.clone()]));
    assert_eq!(sent[0].header("Subject"), "Your password for localhost was changed");
    assert_says(
        &sent[0],
        &[
            "from the address 127.0.0.1 with Firefox 140 on Linux",
            "UTC",
            "If that was you",
            "If it was not you",
        ],
    );
    assert!(sent[0].link().ends_with("/password/forgot") && !sent[0].html.contains(NEW));
});

on_both_stacks!(notice_of_each_change_of_how_somebody_signs_in, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    Authenticator::set_up(&app, &client).await;
    client.post("/security/recovery-codes", &[]).await.expect(200);
    SoftPasskey::added(&app, &client, "Laptop").await;
    let id = app.query_text("SELECT id FROM passkeys")[0][0].clone().unwrap();
    client.post(&format!("/security/passkeys/{id}/remove"), &[]).await.to("/security");
    client.post("/security/totp/remove", &[]).await.to("/security");
    let sent = mails(&app, &smtp).await;
    let done = [
        "An authenticator app was set up for",
        "New recovery codes were made for",
        "A passkey was added to",
        "A passkey was removed from",
        "The authenticator app was removed from",
    ];
    assert_eq!(sent.len(), done.len());
    for (mail, what) in sent.iter().zip(done) {
        assert_says(mail, &[what, "from the address 127.0.0.1 with Firefox 140 on Linux"]);
        assert_eq!((&mail.to, mail.link().ends_with("/security")), (&vec![ada.email.clone()], true));
    }
});

on_both_stacks!(
    notice_of_a_second_factor_that_an_administrator_removed_names_no_administrator,
    |stack| async {
        let smtp = SmtpServer::start_own();
        let app = start(stack, &smtp).await;
        let (_, admin) = app.admin("Grace Hopper").await;
        let (ada, client) = app.person("Ada Lovelace").await;
        Authenticator::set_up(&app, &client).await;
        let reset = format!("{}/reset-second-factor", app.admin_path(&ada));
        admin.post(&reset, &[("reason", "Lost phone"), ("confirm_password", PASSWORD)]).await.expect(303);
        let sent = mails(&app, &smtp).await;
        let mail = sent.iter().find(|mail| mail.text.contains("was removed from")).unwrap();
        assert_eq!(mail.to, [&*ada.email]);
        assert_says(mail, &["by an administrator", "The reason: Lost phone", "If you asked for it"]);
        assert!(!mail.text.contains("127.0.0.1") && !mail.text.contains("signed in as you"), "{}", mail.text);
    }
);

on_both_stacks!(notice_of_a_new_administrator_goes_to_the_others, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (barbara, _) = app.admin("Barbara Liskov").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (gone, _) = app.admin("Gone Away").await;
    app.set_active(&gone, false);
    let role = format!("{}/role", app.admin_path(&ada));
    for _ in 0..2 {
        let _ = admin.post(&role, &[("role", "admin")]).await.expect(303);
    }
    let mut sent = mails(&app, &smtp).await;
    sent.sort_by_key(|mail| mail.to.clone());
    let to: Vec<&str> = sent.iter().map(|mail| &*mail.to[0]).collect();
    assert_eq!(to, [&*barbara.email, &grace.email], "not to the new one, not to who can't sign in, and once");
    for mail in &sent {
        assert_eq!(mail.header("Subject"), "localhost has a new administrator");
        assert_says(
            mail,
            &["Ada Lovelace (ada.lovelace@example.org) was made an administrator of localhost on"],
        );
        assert_says(
            mail,
            &["by Grace Hopper (grace.hopper@example.org), from the address 127.0.0.1 with", "If you don't"],
        );
        assert!(mail.link().ends_with(&app.admin_path(&ada)), "{}", mail.link());
    }
    let _ = admin.post(&role, &[("role", "user")]).await.expect(303);
    assert_eq!(mails(&app, &smtp).await.len(), 2, "nobody is told that somebody is none any more");
});

on_both_stacks!(notice_of_a_new_administrator_is_sent_however_they_are_made, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    app.admin("Barbara Liskov").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let fields = [("name", "Win at evil.example"), ("email", "layla@example.org"), ("role", "admin")];
    let _ = admin.post("/admin/users", &fields).await.expect(201);
    let invited = mails(&app, &smtp).await;
    let told =
        invited.iter().find(|mail| mail.text.contains("layla@example.org was invited as an administrator"));
    assert!(!told.unwrap().html.contains("evil.example"));
    assert_eq!(invited.len(), 2 + 1);

    let mut vars = app.command_vars();
    vars.push(("NOTICES".to_owned(), "on".to_owned()));
    Program::run(&["user", "set-role", &ada.email, "admin"], &vars, "").done();
    let create = [
        "user",
        "create",
        "--email",
        "root@example.org",
        "--name",
        "Root",
        "--role",
        "admin",
        "--password-stdin",
    ];
    Program::run(&create, &vars, NEW).done();
    let sent = mails(&app, &smtp).await;
    // The invited one, who has no password yet, is told of nothing; Ada is told of the last.
    assert_eq!(sent.len(), 3 + 2 + 3);
    assert_says(
        &sent[7],
        &[
            "Root (root@example.org) has a new account as an administrator",
            "on the command line of the server",
        ],
    );
});

on_both_stacks!(notice_of_the_first_administrator_goes_to_nobody, |stack| async {
    let smtp = SmtpServer::start_own();
    let app =
        TestApp::builder(stack).not_set_up().var("SMTP_URL", smtp.url()).var("NOTICES", "on").start().await;
    Person::new("Grace Hopper").set_up(&app.client(), app.setup_link().unwrap()).await;
    assert_eq!(mails(&app, &smtp).await.len(), 0);
});

on_both_stacks!(notice_of_a_deleted_account_is_the_last_mail, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let delete =
        async |client: &Client| client.post("/profile/delete", &[("current_password", PASSWORD)]).await;
    let _ = client.post("/profile/delete", &[("current_password", "wrong")]).await.expect(422);
    let _ = delete(&admin).await.expect(422).has("only administrator");
    // What waits for the person is not sent any more.
    smtp.set_mode("450");
    ada.sign_in(&app.client().user_agent("curl/8.14.1")).await;
    eventually(|| async { app.mail_errors().len() == 1 }).await;
    let _ = delete(&client).await.to("/");
    eventually(|| async { app.mail_errors().len() == 1 && app.waiting_mails() == 1 }).await;
    smtp.set_mode("accept");
    app.make_mails_due();
    let sent = mails(&app, &smtp).await;
    assert_eq!((sent.len(), &sent[0].to), (1, &vec![ada.email.clone()]));
    assert_eq!(sent[0].header("Subject"), "Your account at localhost was deleted");
    assert_says(
        &sent[0],
        &["from the address 127.0.0.1 with Firefox 140 on Linux", "is removed", "If it was not you"],
    );
    assert!(!sent[0].html.contains("class=\"button\""));

    // One that no server takes leaves no address behind.
    let (_, client) = app.person("Bob Bemer").await;
    smtp.set_mode("550");
    let _ = delete(&client).await.to("/");
    eventually(|| async { app.mail_texts() == "[]" }).await;
});

on_both_stacks!(notices_off_leave_only_mail_that_links_need, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "off").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let _ = admin.post(&format!("{}/role", app.admin_path(&ada)), &[("role", "admin")]).await.expect(303);
    let fields = [("current_password", PASSWORD), ("password", NEW), ("password_confirmation", NEW)];
    let _ = client.post("/profile/password", &fields).await.to("/profile");
    let _ = client.post("/profile/delete", &[("current_password", NEW)]).await.to("/");
    assert_eq!(mails(&app, &smtp).await.len(), 0);
    let (bob, _) = app.person("Bob Bemer").await;
    let _ = app.client().post("/password/forgot", &[("email", &bob.email)]).await.to("/login");
    let _ = smtp.mail_about("A new password").await;
});
