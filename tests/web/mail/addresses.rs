//! Tests addresses: the one of a new account is confirmed, another one takes its place, and the change is undone, each with the link
//! in a mail.

use crate::support::{
    admin_pages::any_token_of,
    smtp::{Mail, SmtpServer},
    *,
};

const NEW: &str = "copper-lantern-17-orchid";
const OTHER: &str = "Ada@bücher.example";
/// The same as mail servers are told it.
const OTHER_SENT: &str = "Ada@xn--bcher-kva.example";

async fn start(stack: Stack) -> (SmtpServer, TestApp) {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    (smtp, app)
}

/// Asks for another address on the profile.
async fn ask(client: &Client, email: &str) -> Answer {
    client.post("/profile/email", &[("email", email), ("current_password", PASSWORD)]).await
}

/// Presses the button of the page behind a link.
async fn press(client: &Client, link: &str) -> Answer {
    let page = client.get(link).await.expect(200);
    assert_page(&page);
    let form = page.forms().into_iter().find(|form| form.action.starts_with("/email/")).unwrap();
    client.post(&form.action, &form.with(&[])).await
}

/// Changes a user's address; returns the mail to the one that the account had.
async fn change(smtp: &SmtpServer, client: &Client, from: &str, to: &str, count: usize) -> Mail {
    let _ = ask(client, to).await.to("/profile");
    let mail = smtp.mail_to(to, "Confirm your new address", count).await;
    let _ = press(client, &mail.link()).await.to("/profile");
    smtp.mail_to(from, "was changed", count).await
}

fn kinds(app: &TestApp, person: impl AsRef<str>) -> Vec<String> {
    app.account_events(person).into_iter().map(|event| event.0).collect()
}

on_both_stacks!(address_of_new_account_is_confirmed_with_the_link, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let path = app.admin_path(&ada);
    let profile = client.get("/profile").await.expect(200).has("Not confirmed");
    assert_page(&profile);
    let _ = admin.get(&path).await.expect(200).has("Not confirmed");
    let _ = admin.get("/admin/users").await.expect(200).has("Email not confirmed");

    let mail = smtp.mail_to(&ada.email, "Confirm your address for localhost", 1).await;
    assert!(
        mail.text.contains("within 24 hours") && mail.text.contains("If it was not you"),
        "{}",
        mail.text
    );
    let token = any_token_of(&mail.link());
    assert!(!app.token_hashes().contains(&token));
    // Programs that scan mail open links.
    for _ in 0..3 {
        let page = app.client().get(&mail.link()).await.expect(200).has(&ada.email);
        assert_page(&page);
    }
    let _ = client.get("/profile").await.expect(200).has("Not confirmed");

    let visitor = app.client();
    let _ = press(&visitor, &mail.link()).await.to("/login");
    let _ = visitor.get("/login").await.expect(200).has("Your address is confirmed.");
    assert!(!signed_in(&visitor).await);
    let _ = client.get("/profile").await.expect(200).lacks("Not confirmed");
    let _ = admin.get(&path).await.expect(200).lacks("Not confirmed");
    let _ = visitor.get(&mail.link()).await.expect(404).has("This link does not work");
    let _ = visitor.post("/email/confirm", &[("token", &*token)]).await.expect(422);
    assert!(kinds(&app, &ada).contains(&"email_confirmed".to_owned()));
    let _ = client.get("/activity").await.expect(200).has("Address confirmed");
    let _ = admin.get("/admin/events?kind=email_confirmed").await.expect(200).has("Address confirmed");
});

on_both_stacks!(address_link_is_sent_again_and_the_newer_one_works, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let first = smtp.mail_to(&ada.email, "Confirm your address", 1).await;
    let form = client.get("/profile").await.expect(200).form("/profile/email/confirm");
    let _ = client.post("/profile/email/confirm", &form.with(&[])).await.to("/profile");
    let second = smtp.mail_to(&ada.email, "Confirm your address", 2).await;
    let _ = client.get(&first.link()).await.expect(404);
    app.expire_tokens();
    let _ = client.post("/email/confirm", &[("token", &*any_token_of(&second.link()))]).await.expect(422);
    app.revive_tokens();
    let _ = press(&client, &second.link()).await.to("/profile");
    let page = client.get("/profile").await.expect(200).has("Your address is confirmed.");
    assert!(page.forms().iter().all(|form| form.action != "/profile/email/confirm"));
    let _ = client.post("/profile/email/confirm", &[]).await.to("/profile");
    let _ = client.get("/profile").await.expect(200).has("Nothing was changed");
    assert_eq!(app.address_token_count("confirm"), 0);
});

on_both_stacks!(address_changes_once_the_new_one_is_confirmed, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let path = app.admin_path(&ada);
    let phone = app.client();
    let _ = ada.sign_in(&phone).await;
    let _ = client.get("/profile").await.expect(200).form("/profile/email");
    let _ = ask(&client, OTHER).await.to("/profile");
    let page = client.get("/profile").await.expect(200).has(&format!("{OTHER} waits to be confirmed"));
    assert_page(&page);
    let _ = admin.get(&path).await.expect(200).has(&format!("{OTHER} asked for, not confirmed yet"));
    let _ = app.client().post("/login", &[("email", OTHER), ("password", PASSWORD)]).await.expect(401);
    let _ = admin.post(&format!("{path}/send-reset"), &[]).await.expect(200);
    let reset = smtp.mail_to(&ada.email, "A new password", 1).await;

    let mail = smtp.mail_to(OTHER_SENT, "Confirm your new address for localhost", 1).await;
    let page = client.get(&mail.link()).await.expect(200).has(OTHER).has(&ada.email);
    assert_page(&page);
    let _ = client.get("/profile").await.expect(200).has(&ada.email);
    let before = client.copy();
    let _ = press(&client, &mail.link()).await.to("/profile");
    let page = client.get("/profile").await.expect(200).has("Your address was changed").has(OTHER);
    let _ = page.lacks("waits to be confirmed").lacks("Not confirmed");
    assert!(signed_in(&phone).await && !signed_in(&before).await, "sessions stay, with new keys");
    let _ = app.client().post("/login", &[("email", &ada.email), ("password", PASSWORD)]).await.expect(401);
    let _ = app
        .client()
        .post("/login", &[("email", "ada@BÜCHER.example"), ("password", PASSWORD)])
        .await
        .to("/profile");
    let _ = app.client().get(&reset.link()).await.expect(404);
    let _ = admin.get("/admin/sessions?q=b%C3%BCcher").await.expect(200).has(OTHER);
    let _ = admin.get(&path).await.expect(200).has("Earlier email").has(&ada.email);
    let told = smtp.mail_to(&ada.email, "The address of your account at localhost was changed", 1).await;
    for part in
        ["from the address 127.0.0.1 with Firefox 140 on Linux", "within 7 days", "everybody is signed out"]
    {
        assert!(told.text.contains(part), "{part}: {}", told.text);
    }
    assert!(!told.text.contains("bücher") && !told.text.contains("xn--"), "{}", told.text);
    let found = kinds(&app, OTHER);
    for kind in ["email_change_asked", "email_changed"] {
        assert!(found.contains(&kind.to_owned()), "{kind}: {found:?}");
    }
    assert!(!app.event_details().concat().contains("example"), "the log holds no address");
});

on_both_stacks!(address_change_needs_the_password_and_another_address, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let page =
        client.post("/profile/email", &[("email", OTHER), ("current_password", "wrong")]).await.expect(422);
    assert_page(&page);
    assert!(
        page.field_error("current_password").is_some() && page.value_of("email").as_deref() == Some(OTHER)
    );
    for same in [&*ada.email, " ADA.Lovelace@Example.org"] {
        let page = ask(&client, same).await.expect(422);
        assert_eq!(page.field_error("email").as_deref(), Some("This is your address already."));
    }
    let _ = client.post("/profile/email/resend", &[]).await.to("/profile");
    let _ = client.get("/profile").await.expect(200).has("Nothing was changed");
    app.all_mails_sent().await;
    assert_eq!((smtp.all_mails().len(), app.event_count_of("email_change_asked")), (1, 0));
});

on_both_stacks!(address_change_is_withdrawn_replaced_and_sent_again, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let _ = ask(&client, "one@example.org").await.to("/profile");
    let one = smtp.mail_to("one@example.org", "Confirm", 1).await;
    let _ = ask(&client, "two@example.org").await.to("/profile");
    let two = smtp.mail_to("two@example.org", "Confirm", 1).await;
    let _ = client.get(&one.link()).await.expect(404);
    let form = client.get("/profile").await.expect(200).form("/profile/email/resend");
    let _ = client.post("/profile/email/resend", &form.with(&[])).await.to("/profile");
    let again = smtp.mail_to("two@example.org", "Confirm", 2).await;
    let _ = client.get(&two.link()).await.expect(404);
    let form = client.get("/profile").await.expect(200).form("/profile/email/withdraw");
    let _ = client.post("/profile/email/withdraw", &form.with(&[])).await.to("/profile");
    let _ = client.get("/profile").await.expect(200).has("stays as it is").lacks("waits to be");
    let _ = client.post("/email/confirm", &[("token", &*any_token_of(&again.link()))]).await.expect(422);
    let _ = client.post("/profile/email/withdraw", &[]).await.to("/profile");
    assert!(kinds(&app, &ada).contains(&"email_change_withdrawn".to_owned()));
    // A new password withdraws it too.
    let _ = ask(&client, "two@example.org").await.to("/profile");
    let pending = smtp.mail_to("two@example.org", "Confirm", 3).await;
    let fields = [("current_password", PASSWORD), ("password", NEW), ("password_confirmation", NEW)];
    let _ = client.post("/profile/password", &fields).await.to("/profile");
    let _ = client.get(&pending.link()).await.expect(404);
    let _ = client.get("/profile").await.expect(200).has(&ada.email).lacks("waits to be");
});

on_both_stacks!(address_change_is_undone_by_the_earlier_address, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, thief) = app.person("Ada Lovelace").await;
    let undo = change(&smtp, &thief, &ada.email, "thief@example.org", 1).await;
    // The thief does what a thief can.
    let fields = [("current_password", PASSWORD), ("password", NEW), ("password_confirmation", NEW)];
    let _ = thief.post("/profile/password", &fields).await.to("/profile");
    let fields = [("email", "third@example.org"), ("current_password", NEW)];
    let _ = thief.post("/profile/email", &fields).await.to("/profile");
    let third = smtp.mail_to("third@example.org", "Confirm", 1).await;
    let _ = press(&thief, &third.link()).await.to("/profile");
    let thiefs_undo = smtp.mail_to("thief@example.org", "was changed", 1).await;

    let owner = app.client();
    let page = owner.get(&undo.link()).await.expect(200).has(&ada.email).has("Ada Lovelace");
    assert_page(&page);
    assert!(signed_in(&thief).await, "looking changes nothing");
    let answer = press(&owner, &undo.link()).await.expect(303);
    let reset = answer.location().unwrap().to_owned();
    assert!(reset.starts_with("/password/reset?token="), "{reset}");
    assert!(!signed_in(&thief).await && !signed_in(&owner).await);
    let page = owner.get(&reset).await.expect(200).has("earlier address again").has(&ada.email);
    assert_page(&page);
    for (email, password) in [(&*ada.email, PASSWORD), (&ada.email, NEW), ("third@example.org", NEW)] {
        let _ = app.client().post("/login", &[("email", email), ("password", password)]).await.expect(401);
    }
    let _ = thief.get(&thiefs_undo.link()).await.expect(404);
    let told = smtp.mail_to("third@example.org", "was undone", 1).await;
    assert!(!told.text.contains(&ada.email), "{}", told.text);

    let chosen = "violet-lantern-44-canoe";
    let token = any_token_of(&reset);
    let fields = [("token", &*token), ("password", chosen), ("password_confirmation", chosen)];
    let _ = owner.post("/password/reset", &fields).await.to("/login");
    let _ = owner.post("/login", &[("email", &ada.email), ("password", chosen)]).await.to("/profile");
    let _ = owner.get("/profile").await.expect(200).lacks("Not confirmed").lacks("waits to be");
    let page = owner.get(&undo.link()).await.expect(404).has("This link does not work");
    assert_page(&page);
    let page = owner.post("/email/undo", &[("token", &*any_token_of(&undo.link()))]).await.expect(422);
    assert_page(&page);
    let _ = owner.get("/activity").await.expect(200).has("Change of the address undone");
});

on_both_stacks!(address_is_kept_for_its_earlier_account, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let undo = change(&smtp, &client, &ada.email, "new@example.org", 1).await;
    // A thief who could register with the address would prevent the undo.
    let fields = [
        ("name", "Mallory"),
        ("email", &*ada.email),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ];
    let _ = app.client().post("/register", &fields).await.expect(422).has("exists already");
    let _ = admin.post("/confirm-password", &[("password", PASSWORD)]).await;
    let fields = [("name", "Mallory"), ("email", &*ada.email), ("role", "user")];
    let _ = admin.post("/admin/users", &fields).await.expect(422);
    let (_, mallory) = app.person("Mallory Mint").await;
    let _ = ask(&mallory, &ada.email).await.to("/profile");
    let told = smtp.mail_to(&ada.email, "is kept for an earlier account", 1).await;
    assert!(!told.html.contains("token="), "{}", told.html);
    let _ = press(&app.client(), &undo.link()).await.expect(303);
    assert_eq!(app.user_id(&ada), app.user_id(&ada.email));
});

on_both_stacks!(address_of_another_account_gets_a_mail_and_nothing_tells, |stack| async {
    let (smtp, app) = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    let free = ask(&client, "free@example.org").await.to("/profile");
    let page = client.get("/profile").await.expect(200).text().replace("free@example.org", "X");
    let taken = ask(&client, &bob.email).await.to("/profile");
    assert_eq!(free.body, taken.body);
    let other = client.get("/profile").await.expect(200).text().replace(&bob.email, "X");
    let without_times = |text: String| text.split("Last sign-in").next().unwrap().to_owned();
    assert_eq!(without_times(page), without_times(other));
    let told = smtp.mail_to(&bob.email, "There is an account with your address", 1).await;
    assert!(told.link().ends_with("/login"), "{}", told.link());
    assert_eq!(kinds(&app, &bob).iter().filter(|kind| *kind == "address_tried").count(), 1);
    let listed = smtp.all_mails().iter().filter(|mail| mail.to == [&*bob.email]).count();
    assert_eq!(listed, 2, "the confirmation of Bob's own address, and this");
});

on_both_stacks!(address_links_of_another_kind_or_tampered_with_do_nothing, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Bemer").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let confirm = smtp.mail_to(&ada.email, "Confirm", 1).await;
    let _ = admin.post(&format!("{}/send-reset", app.admin_path(&bob)), &[]).await.expect(200);
    let reset = smtp.mail_to(&bob.email, "A new password", 1).await;
    let undo = change(&smtp, &client, &ada.email, "new@example.org", 1).await;
    let [confirm, reset, undo] = [&confirm, &reset, &undo].map(|mail| any_token_of(&mail.link()));
    let before = app.written();
    let mut tampered = undo.clone();
    let last = if tampered.pop() == Some('A') { 'B' } else { 'A' };
    tampered.push(last);
    for (path, token) in [
        // The address that it was mailed to is not the account's any more.
        ("/email/confirm", &*confirm),
        ("/email/confirm", &undo),
        ("/email/confirm", &reset),
        ("/email/undo", &confirm),
        ("/email/undo", &reset),
        ("/email/undo", &tampered),
        ("/email/undo", ""),
        ("/email/confirm", "nonsense"),
        ("/password/reset", &undo),
        ("/password/reset", &confirm),
        ("/setup", &undo),
    ] {
        let page = client.get(&format!("{path}?token={token}")).await.expect(404);
        assert_page(&page);
        let fields = [("token", token), ("password", NEW), ("password_confirmation", NEW)];
        let fields = if path == "/password/reset" { &fields[..] } else { &fields[..1] };
        let page = client.post(path, fields).await;
        assert_eq!(page.status, if path == "/setup" { 404 } else { 422 }, "{}", page.summary());
        assert_page(&page);
    }
    assert_eq!(app.written(), before);
});

on_both_stacks!(address_is_proven_by_links_that_were_mailed_and_by_operators, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let fields = [("name", "Eve"), ("email", "eve@example.org"), ("role", "user")];
    let _ = admin.post("/admin/users", &fields).await.expect(201);
    let _ = app.client().post("/password/forgot", &[("email", &ada.email)]).await.to("/login");
    for (email, subject) in [("eve@example.org", "invitation"), (&ada.email, "A new password")] {
        let mail = smtp.mail_to(email, subject, 1).await;
        let token = any_token_of(&mail.link());
        let fields = [("token", &*token), ("password", NEW), ("password_confirmation", NEW)];
        let _ = app.client().post("/password/reset", &fields).await.to("/login");
        assert!(kinds(&app, email).contains(&"email_confirmed".to_owned()), "{email}");
    }
    let arguments = ["user", "create", "--email", "op@example.org", "--name", "Op", "--password-stdin"];
    Program::run(&arguments, &app.command_vars(), PASSWORD).done();
    let list = Program::run(&["user", "list"], &app.command_vars(), "").done();
    for line in list.lines() {
        let expected = line.contains("grace");
        assert_eq!(line.contains("email not confirmed"), expected, "{line}");
    }
});
