//! Tests `EMAIL_CONFIRMATION=required`: no session before the address is confirmed, and registering tells nobody who has an account.

use crate::support::{admin_pages::any_token_of, smtp::SmtpServer, timing::assert_same_time, *};

const NEW: &str = "copper-lantern-17-orchid";

async fn start(stack: Stack) -> (SmtpServer, TestApp) {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack)
        .var("SMTP_URL", smtp.url())
        .var("EMAIL_CONFIRMATION", "required")
        .start()
        .await;
    (smtp, app)
}

async fn register(client: &Client, person: &Person) -> Answer {
    let fields = [
        ("name", &*person.name),
        ("email", &person.email),
        ("password", &person.password),
        ("password_confirmation", &person.password),
    ];
    client.post("/register", &fields).await
}

async fn confirm(client: &Client, link: &str) -> Answer {
    client.post("/email/confirm", &[("token", &*any_token_of(link))]).await
}

on_both_stacks!(registration_ends_at_check_your_mail, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let _ = register(&client, &ada).await.to("/email/sent");
    let page = client.get("/email/sent").await.expect(200).has("Check your mail");
    assert_page(&page);
    assert_eq!(client.cookies(), [], "no session, and nothing else");
    assert!(!signed_in(&client).await && app.active_session_ids().is_empty());
    let first = smtp.mail_to(&ada.email, "Confirm your address", 1).await;

    // Only the right password tells, and lets another mail be sent.
    let _ = client.post("/login", &[("email", &ada.email), ("password", "wrong")]).await.expect(401);
    let _ = client.post("/login", &[("email", &ada.email), ("password", PASSWORD)]).await.to("/email/sent");
    let page = client.get("/email/sent").await.expect(200).has("Confirm your address first.");
    assert_page(&page);
    assert!(!signed_in(&client).await && app.active_session_ids().is_empty());
    let second = smtp.mail_to(&ada.email, "Confirm your address", 2).await;
    let _ = confirm(&client, &first.link()).await.expect(422);
    let _ = confirm(&client, &second.link()).await.to("/login");
    assert!(!signed_in(&client).await, "confirming signs nobody in");
    let _ = ada.sign_in(&client).await;
    assert!(signed_in(&client).await);
});

on_both_stacks!(registration_answers_the_same_for_taken_addresses, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, bob, eve) = (Person::new("Ada Lovelace"), Person::new("Bob Bemer"), Person::new("Eve Ernst"));
    for person in [&ada, &bob, &eve] {
        let _ = register(&app.client(), person).await.to("/email/sent");
    }
    for person in [&ada, &eve] {
        let link = smtp.mail_to(&person.email, "Confirm your address", 1).await.link();
        let _ = confirm(&app.client(), &link).await.to("/login");
    }
    app.set_active(&eve, false);
    let before = app.password_hashes();
    let mut answers = Vec::new();
    for email in ["free@example.org", "ADA.lovelace@example.org", &bob.email, &eve.email] {
        let mallory = Person { email: email.to_owned(), password: NEW.to_owned(), ..Person::new("Mallory") };
        let client = app.client();
        let answer = register(&client, &mallory).await.to("/email/sent");
        answers.push((answer.body.clone(), answer.set_cookies(), client.get("/email/sent").await.body));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(app.password_hashes()[..3], before, "nobody's password changes");
    assert_eq!(app.user_count(), 4);

    let subject = "There is an account with your address";
    let told = smtp.mail_to(&ada.email, subject, 1).await;
    assert!(told.link().ends_with("/login") && told.text.contains("Hello Ada Lovelace"), "{}", told.text);
    let deactivated = smtp.mail_to(&eve.email, subject, 1).await;
    assert!(deactivated.text.contains("which is deactivated") && !deactivated.html.contains("token="));
    assert_eq!(app.event_count_of("address_tried"), 3);

    // Nobody knows who has made an unconfirmed account: whoever reads its mail replaces the password, and has it alone.
    let unconfirmed = smtp.mail_to(&bob.email, subject, 1).await;
    let token = any_token_of(&unconfirmed.link());
    let chosen = "violet-lantern-44-canoe";
    let fields = [("token", &*token), ("password", chosen), ("password_confirmation", chosen)];
    let client = app.client();
    let _ = client.post("/password/reset", &fields).await.to("/login");
    let _ = client.post("/login", &[("email", &bob.email), ("password", PASSWORD)]).await.expect(401);
    let _ = client.post("/login", &[("email", &bob.email), ("password", chosen)]).await.to("/profile");
});

on_both_stacks!(registration_takes_the_same_time_for_taken_addresses, |stack| async {
    let builder = TestApp::builder(stack).var("SMTP_URL", "smtp://127.0.0.1:9");
    let app = builder.var("EMAIL_CONFIRMATION", "required").start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let _ = register(&client, &ada).await.to("/email/sent");
    assert_same_time(async |is_known, number| {
        let email = if is_known { ada.email.clone() } else { format!("n{number}@example.org") };
        let person = Person { email, ..Person::new("Mallory") };
        let _ = register(&client, &person).await.to("/email/sent");
    })
    .await;
});

on_both_stacks!(registrations_of_one_address_at_once_make_one_account, |stack| async {
    let (smtp, app) = start(stack).await;
    let ada = Person::new("Ada Lovelace");
    let clients: Vec<Client> = (0..4).map(|_| app.client()).collect();
    let sent = clients.iter().map(|client| register(client, &ada));
    for answer in futures_util::future::join_all(sent).await {
        let _ = answer.to("/email/sent");
    }
    assert_eq!(app.user_count(), 1);
    let mails = eventually(|| async { Some(smtp.all_mails()).filter(|mails| mails.len() == 4) }).await;
    assert!(mails.iter().all(|mail| mail.to == [&*ada.email]));
});

on_both_stacks!(accounts_of_operators_need_no_mail, |stack| async {
    let smtp = SmtpServer::start_own();
    smtp.set_mode("550");
    let app = TestApp::builder(stack)
        .not_set_up()
        .var("SMTP_URL", smtp.url())
        .var("EMAIL_CONFIRMATION", "required")
        .start()
        .await;
    let (grace, client) = (Person::new("Grace Hopper"), app.client());
    let _ = grace.set_up(&client, app.setup_link().unwrap()).await;
    assert!(signed_in(&client).await);
    let _ = client.get("/profile").await.expect(200).lacks("Not confirmed");
    let arguments = ["user", "create", "--email", "op@example.org", "--name", "Op", "--role", "admin"];
    let arguments = [&arguments[..], &["--password-stdin"]].concat();
    Program::run(&arguments, &app.command_vars(), PASSWORD).done();
    let op = Person { email: "op@example.org".to_owned(), ..Person::new("Op") };
    let _ = op.sign_in(&app.client()).await;
    // A link that an operator prints is good for any account.
    let ada = Person::new("Ada Lovelace");
    let _ = register(&app.client(), &ada).await.to("/email/sent");
    let printed = Program::run(&["user", "reset-password", &ada.email], &app.command_vars(), "").done();
    let token = any_token_of(printed.trim());
    let fields = [("token", &*token), ("password", NEW), ("password_confirmation", NEW)];
    let _ = app.client().post("/password/reset", &fields).await.to("/login");
    let _ = app.client().post("/login", &[("email", &ada.email), ("password", NEW)]).await.to("/profile");
});

on_both_stacks!(accounts_from_before_confirm_at_their_next_sign_in, |stack| async {
    let smtp = SmtpServer::start_own();
    let mut app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    app.restart_with(&[("EMAIL_CONFIRMATION", "required")]).await;
    assert!(signed_in(&client).await, "sessions that there are stay");
    let fresh = app.client();
    let _ = fresh.post("/login", &[("email", &ada.email), ("password", PASSWORD)]).await.to("/email/sent");
    let link = smtp.mail_to(&ada.email, "Confirm your address", 2).await.link();
    let _ = confirm(&fresh, &link).await.to("/login");
    let _ = ada.sign_in(&fresh).await;
});
