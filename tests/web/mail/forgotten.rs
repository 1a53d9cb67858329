//! Tests `/password/forgot`: a link by mail for whoever has the address, and nothing for anybody else to see.

use crate::support::{admin_pages::token_of, smtp::SmtpServer, timing::assert_same_time, *};

const NEW: &str = "copper-lantern-17-orchid";

async fn start(stack: Stack, smtp: &SmtpServer) -> TestApp {
    TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await
}

async fn forget(client: &Client, email: &str) -> Answer {
    client.post("/password/forgot", &[("email", email)]).await
}

async fn choose(client: &Client, token: &str) -> Answer {
    let fields = [("token", token), ("password", NEW), ("password_confirmation", NEW)];
    client.post("/password/reset", &fields).await
}

on_both_stacks!(forgotten_password_is_replaced_with_the_link_in_the_mail, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, signed_in_client) = app.person("Ada Lovelace").await;
    let visitor = app.client();
    let link = visitor.get("/login").await.expect(200).attributes("main a", "href");
    assert!(link.contains(&"/password/forgot".to_owned()), "{link:?}");
    let page = visitor.get("/password/forgot").await.expect(200);
    assert_page(&page);
    let form = page.form("/password/forgot");
    let _ = visitor
        .post("/password/forgot", &form.with(&[("email", " ADA.Lovelace@example.org ")]))
        .await
        .to("/login");
    let _ = visitor.get("/login").await.expect(200).has("If there is an account with this address");

    let mail = smtp.mail_about("A new password for localhost").await;
    assert_eq!(mail.to, [&*ada.email]);
    assert!(mail.text.contains("Somebody, probably you") && mail.text.contains("one hour"), "{}", mail.text);
    let token = token_of(&mail.link());
    for text in [app.token_hashes(), app.event_details()].concat() {
        assert!(!text.contains(&token), "{text}");
    }
    // Scanners open links: that changes nothing.
    for _ in 0..3 {
        let _ = visitor.get(&mail.link()).await.expect(200).has("Choose a password").has(&ada.email);
    }
    assert!(signed_in(&signed_in_client).await, "asking and looking end nothing");
    let _ = choose(&visitor, &token).await.to("/login");
    assert!(!signed_in(&signed_in_client).await && !signed_in(&visitor).await);
    let told = smtp.mail_about("was replaced").await;
    assert_eq!(told.to, [&*ada.email]);
    let _ = choose(&visitor, &token).await.expect(422).has("This link does not work");
    let _ = visitor.post("/login", &[("email", &ada.email), ("password", NEW)]).await.to("/profile");
    let kinds: Vec<String> = app.account_events(&ada).into_iter().map(|event| event.0).collect();
    assert!(
        kinds.contains(&"reset_requested".to_owned()) && kinds.contains(&"password_reset".to_owned()),
        "{kinds:?}"
    );
});

on_both_stacks!(forgotten_password_fills_no_mailbox, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    for email in [[&*ada.email; 7].as_slice(), &[&*bob.email]].concat() {
        let _ = forget(&app.client(), email).await.to("/login");
    }
    let mails = smtp.wait_for(6).await;
    let of_ada: Vec<_> = mails.iter().filter(|mail| mail.to == [&*ada.email]).collect();
    assert_eq!(
        (of_ada.len(), mails.len()),
        (5, 6),
        "requests are worked on in turn, and that of Bob is the last"
    );
    let _ = choose(&app.client(), &token_of(&of_ada[4].link())).await.to("/login");
});

on_both_stacks!(forgotten_password_answers_the_same_for_everybody, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    app.set_active(&bob.email, false);
    let mut answers = Vec::new();
    for email in [&*ada.email, &bob.email, "nobody@example.org"] {
        let client = app.client();
        let answer = forget(&client, email).await.to("/login");
        let cookies = answer.set_cookies();
        answers.push((answer.body, cookies, client.get("/login").await.expect(200).body));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    smtp.wait_for(1).await;
    eventually(|| async { app.waiting_mails() == 0 }).await;
    assert_eq!((smtp.mails().len(), app.user_token_count()), (1, 1), "nobody else gets anything");

    for wrong in ["", "nonsense", "a@b@example.org", &format!("{}@example.org", "a".repeat(310))] {
        let page = forget(&app.client(), wrong).await.expect(422);
        assert_page(&page);
        assert!(page.field_error("email").is_some());
        assert_eq!(page.value_of("email").as_deref(), Some(wrong));
    }
    let _ =
        app.client().post("/password/forgot", &[("email", "a@example.org"), ("x", "y")]).await.expect(422);
});

on_both_stacks!(forgotten_password_newer_link_replaces_older_one, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    let visitor = app.client();
    for count in 1..=2 {
        let _ = forget(&visitor, &ada.email).await.to("/login");
        smtp.wait_for(count).await;
    }
    let tokens: Vec<String> = smtp.mails().iter().map(|mail| token_of(&mail.link())).collect();
    let _ = visitor.get(&format!("/password/reset?token={}", tokens[0])).await.expect(404);
    let _ = choose(&visitor, &tokens[0]).await.expect(422);
    app.expire_tokens();
    let _ = choose(&visitor, &tokens[1]).await.expect(422);
    // A link of one person says nothing of another's.
    app.revive_tokens();
    let bobs = app.password_hash_of(&bob.email);
    let _ = choose(&visitor, &tokens[1]).await.to("/login");
    assert_eq!(app.password_hash_of(&bob.email), bobs);
});

on_both_stacks!(forgotten_password_of_invited_user_sends_the_invitation, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let fields = [("name", "Ada"), ("email", "ada@example.org"), ("role", "user")];
    let _ = admin.post("/admin/users", &fields).await.expect(201);
    let first = smtp.wait_for(1).await.pop().unwrap();
    let _ = forget(&app.client(), "ada@example.org").await.to("/login");
    let second = smtp.wait_for(2).await.pop().unwrap();
    assert_eq!(second.header("Subject"), first.header("Subject"));
    let _ = app.client().get(&first.link()).await.expect(404);
    let _ = app.client().get(&second.link()).await.expect(200).has("You are invited");
});

on_both_stacks!(forgotten_password_is_not_forgotten_by_a_server_that_stops, |stack| async {
    let mut app = TestApp::builder(stack).var("SMTP_URL", "smtp://127.0.0.1:9").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let _ = forget(&app.client(), &ada.email).await.to("/login");
    app.stop().await;
    assert_eq!((app.user_token_count(), app.waiting_mails()), (1, 1));
});

on_both_stacks!(forgotten_password_takes_the_same_time_for_known_and_unknown, |stack| async {
    let app = TestApp::builder(stack).var("SMTP_URL", "smtp://127.0.0.1:9").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    assert_same_time(async |is_known, _| {
        let email = if is_known { &*ada.email } else { "nobody@example.org" };
        let _ = forget(&client, email).await.to("/login");
    })
    .await;
});

on_both_stacks!(forgotten_password_requests_of_one_network_are_limited, |stack| async {
    let app =
        TestApp::builder(stack).var("SMTP_URL", "smtp://127.0.0.1:9").var("THROTTLE", "on").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for number in 0..10 {
        let email = if number % 2 == 0 { &*ada.email } else { "nobody@example.org" };
        let _ = forget(&app.client(), email).await.to("/login");
    }
    let page = forget(&app.client(), "nobody@example.org").await.expect(429);
    assert_page(&page);
    assert!(page.header("retry-after").is_some());
    let page = page.has("Too many links for forgotten passwords");
    assert_eq!(page.value_of("email").as_deref(), Some("nobody@example.org"));
});
