//! Tests addresses that two people want, and accounts that change or go while a link about their address is on its way.

use std::rc::Rc;

use crate::support::{admin_pages::any_token_of, smtp::SmtpServer, *};

const WANTED: &str = "wanted@example.org";
const NEW: &str = "copper-lantern-17-orchid";

async fn start(stack: Stack) -> (SmtpServer, TestApp) {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    (smtp, app)
}

/// Asks for the address; returns the token in the mail, which is the one with this number.
async fn ask(smtp: &SmtpServer, client: &Client, count: usize) -> String {
    let fields = [("email", WANTED), ("current_password", PASSWORD)];
    let _ = client.post("/profile/email", &fields).await.to("/profile");
    any_token_of(&smtp.mail_to(WANTED, "Confirm your new address", count).await.link())
}

async fn confirm(client: &Client, token: &str) -> Answer {
    client.post("/email/confirm", &[("token", token)]).await
}

on_both_stacks!(address_that_two_want_goes_to_the_first_who_confirms, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let (bob, second) = app.person("Bob Bemer").await;
    let adas = ask(&smtp, &first, 1).await;
    let bobs = ask(&smtp, &second, 2).await;
    let (first, second) = (Rc::new(first), Rc::new(second));
    let both = [
        concurrent::send_form(&first, "/email/confirm", &[("token", &*adas)]),
        concurrent::send_form(&second, "/email/confirm", &[("token", &*bobs)]),
    ];
    let mut statuses = Vec::new();
    for answer in both {
        let page = answer.await.unwrap();
        assert_page(&page);
        if page.status == 422 {
            let _ = page.has("Another account has this address");
            statuses.push(422);
        } else {
            statuses.push(page.expect(303).status);
        }
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    let mut emails: Vec<String> = app.users().into_iter().map(|user| user[1].clone()).collect();
    emails.retain(|email| *email == WANTED);
    assert_eq!(emails.len(), 1);
    // Whoever came second keeps their address, and can withdraw.
    let loser = if app.users().iter().any(|user| user[1] == ada.email) { &first } else { &second };
    let _ = loser.get("/profile").await.expect(200).has("waits to be confirmed");
    let _ = loser.post("/profile/email/withdraw", &[]).await.to("/profile");
    assert!(signed_in(loser).await && bob.email != WANTED);
});

on_both_stacks!(address_registered_by_another_meanwhile_stays_theirs, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let token = ask(&smtp, &client, 1).await;
    let eve = Person { email: WANTED.to_owned(), ..Person::new("Eve Ernst") };
    let _ = eve.register(&app.client()).await;
    let page = confirm(&client, &token).await.expect(422).has("Another account has this address");
    assert_page(&page);
    let _ = client.get("/profile").await.expect(200).has(&ada.email);
    let _ = eve.sign_in(&app.client()).await;
    assert_eq!((app.event_count_of("email_changed"), app.address_token_count("undo")), (0, 0));
});

on_both_stacks!(address_link_dies_with_its_account_and_waits_for_a_deactivated_one, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let path = app.admin_path(&ada);
    let own = any_token_of(&smtp.mail_to(&ada.email, "Confirm", 1).await.link());
    let token = ask(&smtp, &client, 1).await;
    let visitor = app.client();
    let _ = admin.post("/confirm-password", &[("password", PASSWORD)]).await;
    let _ = admin.post(&format!("{path}/deactivate"), &[]).await.to(&path);
    for token in [&token, &own] {
        let _ = confirm(&visitor, token).await.expect(422);
    }
    let _ = admin.post(&format!("{path}/activate"), &[]).await.to(&path);
    let _ = confirm(&visitor, &token).await.expect(422);
    let _ = confirm(&visitor, &own).await.to("/login");

    let client = app.client();
    let _ = ada.sign_in(&client).await;
    let token = ask(&smtp, &client, 2).await;
    let _ = client.post("/profile/delete", &[("current_password", PASSWORD)]).await.to("/");
    let _ = confirm(&visitor, &token).await.expect(422);
    assert_eq!(app.address_token_count("confirm"), 1, "the administrator's own");
});

on_both_stacks!(address_link_used_twice_at_once_works_once, |stack| async {
    let (smtp, app) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let token = ask(&smtp, &client, 1).await;
    let visitor = Rc::new(app.client());
    let both: Vec<_> =
        (0..2).map(|_| concurrent::send_form(&visitor, "/email/confirm", &[("token", &*token)])).collect();
    let mut statuses = Vec::new();
    for answer in both {
        statuses.push(answer.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!((app.event_count_of("email_changed"), app.address_token_count("undo")), (1, 1));
});

/// Postgres only: SQLite lets nobody else write while the test holds its lock.
#[actix_web::test]
async fn address_change_of_account_deactivated_meanwhile_is_not_made() {
    let (smtp, app) = start(Stack::PostgresRedis).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let token = ask(&smtp, &client, 1).await;
    let lock = app.deactivate_users_uncommitted();
    let visitor = Rc::new(app.client());
    let held = concurrent::send_form(&visitor, "/email/confirm", &[("token", &*token)]);
    app.wait_for_blocked(1).await;
    lock.commit();
    let _ = held.await.unwrap().expect(422);
    assert_eq!(app.users()[0][1], ada.email);
}

/// The registration waits for the change that frees the address, and then finds that it is kept.
#[actix_web::test]
async fn address_freed_by_a_change_is_not_registered_at_the_same_time() {
    let (smtp, app) = start(Stack::PostgresRedis).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let token = ask(&smtp, &client, 1).await;
    let lock = app.lock_table("mails");
    let changing = concurrent::send_form(&Rc::new(app.client()), "/email/confirm", &[("token", &*token)]);
    app.wait_for_blocked(1).await;
    let fields = [("name", "Mallory"), ("email", WANTED), ("password", NEW), ("password_confirmation", NEW)];
    let registering = concurrent::send_form(&Rc::new(app.client()), "/register", &fields);
    app.wait_for_blocked(2).await;
    drop(lock);
    let _ = changing.await.unwrap().to("/login");
    let _ = registering.await.unwrap().expect(422).has("exists already");
    assert_eq!((app.user_count(), app.users()[0][1].as_str()), (1, WANTED));
    assert_ne!(ada.email, WANTED);
}
