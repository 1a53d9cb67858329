//! Tests the letters: to whom, from whom, what they say, and that their links work.

use crate::support::{admin_pages::token_of, smtp::SmtpServer, *};

const NEW: &str = "copper-lantern-17-orchid";

async fn choose(client: &Client, link: &str, password: &str) -> Answer {
    let token = token_of(link);
    let fields = [("token", &*token), ("password", password), ("password_confirmation", password)];
    client.post("/password/reset", &fields).await
}

on_both_stacks!(mail_of_invitation_arrives_and_its_link_works, |stack| async {
    let smtp = SmtpServer::start_own();
    let builder = TestApp::builder(stack).var("SMTP_URL", smtp.url());
    let app = builder.var("BASE_URL", "http://login.example.org").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let fields = [("name", "Ada Lovelace"), ("email", "Ada@bücher.example"), ("role", "user")];
    let page = admin.post("/admin/users", &fields).await.expect(201);
    assert_page(&page);
    let _ = page.has("on its way to Ada@bücher.example by mail");

    let mail = smtp.mail_about("Your invitation to login.example.org").await;
    assert_eq!(
        (&*mail.from, &*mail.to),
        ("gatehouse@login.example.org", &["Ada@xn--bcher-kva.example".to_owned()][..])
    );
    assert_eq!(mail.header("From"), "Gatehouse <gatehouse@login.example.org>");
    assert_eq!(mail.header("To"), "Ada Lovelace <Ada@xn--bcher-kva.example>");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(
        mail.text.starts_with("Hello Ada Lovelace,\n") && mail.html.contains("<bdi>Ada Lovelace</bdi>"),
        "{mail:?}"
    );
    assert!(mail.text.contains("You get this mail because an administrator") && mail.text.contains("7 days"));
    assert!(mail.link().starts_with("http://login.example.org/password/reset?token="), "{}", mail.link());
    // What was sent is nowhere any more, and what it said was mailed to nobody else.
    eventually(|| async { app.waiting_mails() == 0 }).await;
    assert_eq!((app.mail_texts(), smtp.mails().len()), ("[]".to_owned(), 1));

    let visitor = app.client();
    let _ = visitor.get(&mail.link()).await.expect(200).has("You are invited");
    let _ = choose(&visitor, &mail.link(), NEW).await.to("/login");
    let _ =
        visitor.post("/login", &[("email", "ada@bücher.example"), ("password", NEW)]).await.to("/profile");
    assert_eq!(smtp.mails().len(), 1, "no mail about a first password");
});

on_both_stacks!(mail_of_a_site_at_an_ip_address_arrives, |stack| async {
    let smtp = SmtpServer::start_own();
    let builder = TestApp::builder(stack).var("SMTP_URL", smtp.url());
    let app = builder.var("BASE_URL", "http://127.0.0.1:3000").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let mail = smtp.mail_to(&ada.email, "Confirm your address", 1).await;
    assert_eq!(mail.header("From"), "Gatehouse <gatehouse@localhost>");
});

on_both_stacks!(mail_of_administrators_link_arrives_and_the_reset_is_told, |stack| async {
    let smtp = SmtpServer::start_own();
    let sender = "Die Ärztin, Praxis <praxis@bücher.example>";
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("MAIL_FROM", sender).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let _ = admin.post(&format!("{}/send-reset", app.admin_path(&ada)), &[]).await.expect(200);
    let mail = smtp.mail_about("A new password for localhost").await;
    assert_eq!(mail.from, "praxis@xn--bcher-kva.example");
    assert_eq!(mail.header("From"), "\"Die Ärztin, Praxis\" <praxis@xn--bcher-kva.example>");
    assert!(mail.text.contains("An administrator of localhost has made a link"), "{}", mail.text);

    let _ = choose(&client, &mail.link(), NEW).await.to("/login");
    let told = smtp.mail_about("was replaced").await;
    assert_eq!(told.to, [&*ada.email]);
    for part in
        ["from the address 127.0.0.1 with Firefox 140 on Linux", "signed out everywhere", "If it was not you"]
    {
        assert!(told.text.contains(part), "{part}: {}", told.text);
    }
    assert!(!told.html.contains(NEW) && !told.html.contains(&token_of(&mail.link())));
    assert!(told.link().ends_with("/password/forgot"), "{}", told.link());
});

on_both_stacks!(mail_of_operators_link_and_password_is_sent_by_the_server, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let vars = app.command_vars();
    let printed = Program::run(&["user", "reset-password", &ada.email], &vars, "").done();
    let mail = smtp.mail_about("A new password for").await;
    assert_eq!(token_of(&mail.link()), token_of(printed.trim()));
    Program::run(&["user", "reset-password", &ada.email, "--password-stdin"], &vars, NEW).done();
    let told = smtp.mail_about("was replaced").await;
    assert!(told.text.contains("by an administrator"), "{}", told.text);
});

on_both_stacks!(mail_shows_names_as_text_and_leaves_out_advertisements, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for (index, (name, header, greeting)) in [
        (
            "O'Neil & \"Co\", Inc",
            "\"O'Neil & \\\"Co\\\", Inc\" <n0@example.org>",
            "Hello O'Neil & \"Co\", Inc,",
        ),
        ("ليلى بن علي", "ليلى بن علي <n1@example.org>", "Hello ليلى بن علي,"),
        ("😀 Ada", "😀 Ada <n2@example.org>", "Hello 😀 Ada,"),
        ("<b>Ada</b>", "n3@example.org", "Hello,"),
        ("Win at evil.example", "n4@example.org", "Hello,"),
        ("https://evil", "n5@example.org", "Hello,"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("n{index}@example.org");
        let _ = admin
            .post("/admin/users", &[("name", name), ("email", &email), ("role", "user")])
            .await
            .expect(201);
        let mail = smtp.wait_for(index + 1).await.pop().unwrap();
        assert_eq!((mail.header("To"), mail.text.lines().next()), (header, Some(greeting)));
        assert_eq!(mail.to, [email]);
        assert_eq!(mail.headers.len(), 8, "{:?}", mail.headers);
    }
});

on_both_stacks!(mail_reaches_unusual_addresses_and_no_others, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for (index, (typed, sent)) in [
        // Sent in quotes, which the server takes off.
        ("a..b.@example.org", "a..b.@example.org"),
        ("o'neil+{tag}@example.org", "o'neil+{tag}@example.org"),
        ("grace@[192.0.2.7]", "grace@[192.0.2.7]"),
        ("GRACE@ＢÜcher.example", "GRACE@xn--bcher-kva.example"),
    ]
    .into_iter()
    .enumerate()
    {
        let _ = admin
            .post("/admin/users", &[("name", "Ada"), ("email", typed), ("role", "user")])
            .await
            .expect(201);
        assert_eq!(smtp.wait_for(index + 1).await.pop().unwrap().to, [sent], "{typed}");
    }
    for refused in
        ["a@example.org\r\nBcc: b@example.org", "a@b@example.org", "\"a b\"@example.org", "a@example.org."]
    {
        let _ = admin
            .post("/admin/users", &[("name", "Ada"), ("email", refused), ("role", "user")])
            .await
            .expect(422);
    }
    let _ = admin
        .post("/admin/users", &[("name", "A"), ("email", "grace@[192.0.2.7]"), ("role", "user")])
        .await
        .expect(422);
    eventually(|| async { app.waiting_mails() == 0 }).await;
    assert_eq!(smtp.mails().len(), 4, "what was refused is told to nobody");
});
