//! Tests the notices of sign-ins from new browsers, and the page that their links lead to.

use futures_util::future::join_all;

use crate::support::{smtp::SmtpServer, *};

const NEW: &str = "copper-lantern-17-orchid";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/142.0.0.0 Safari/537.36";
const SUBJECT: &str = "A new sign-in to your account";

async fn start(stack: Stack, smtp: &SmtpServer) -> TestApp {
    TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "on").start().await
}

fn token_of(link: &str) -> String {
    link.split_once("/sign-in/check?token=").unwrap_or_else(|| panic!("{link}")).1.to_owned()
}

async fn press(client: &Client, token: &str) -> Answer {
    client.post("/sign-in/check", &[("token", token)]).await
}

/// Waits until no mail waits; returns the subjects of all that arrived.
async fn subjects(app: &TestApp, smtp: &SmtpServer) -> Vec<String> {
    eventually(|| async { app.waiting_mails() == 0 }).await;
    smtp.mails().iter().map(|mail| mail.header("Subject").to_owned()).collect()
}

on_both_stacks!(new_browser_is_told_of_and_its_link_ends_that_session, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, own) = app.person("Ada Lovelace").await;
    let thief = app.client().user_agent(CHROME);
    ada.sign_in_remembered(&thief).await;
    let mail = smtp.mail_about(SUBJECT).await;
    assert_eq!(mail.to, [&*ada.email]);
    for part in [
        "Chrome 142 on Windows",
        "the address 127.0.0.1",
        "UTC",
        "If that was you",
        "If it was not you",
        "7 days",
    ] {
        assert!(mail.text.contains(part) && mail.html.contains(part), "{part}: {}", mail.text);
    }
    let token = token_of(&mail.link());
    let stored = format!("{} {:?}", app.sign_in_notice_texts(), app.event_details());
    assert!(!stored.contains(&token), "{stored}");

    // Without a session, and scanners open links: that changes nothing.
    let visitor = app.client();
    for _ in 0..3 {
        let page =
            visitor.get(&mail.link()).await.expect(200).has("Still signed in").has("Chrome 142 on Windows");
        assert_page(&page);
        let page = page.has(&ada.email).has("127.0.0.1").lacks("This device");
        assert_eq!(page.value_of("token").as_deref(), Some(&*token));
    }
    assert_page(&thief.get(&mail.link()).await.expect(200).has("This device"));
    assert!(signed_in(&thief).await && signed_in(&own).await);
    let _ = visitor
        .post("/sign-in/check", &[("token", &token), ("x", "y")])
        .await
        .expect(422)
        .has("Still signed in");
    assert!(signed_in(&thief).await);

    let form = visitor.get(&mail.link()).await.form("/sign-in/check");
    let _ = visitor.post("/sign-in/check", &form.with(&[])).await.to("/login");
    let _ = visitor
        .get("/login")
        .await
        .has("That session was ended. A link to choose a new password is on its way");
    assert!(!signed_in(&thief).await && signed_in(&own).await, "only that session ends");
    assert!(!signed_in(&visitor).await, "nobody is signed in");
    assert_eq!(app.end_reasons_of(&ada), ["ended_by_user"]);
});

on_both_stacks!(new_browser_link_is_good_once_and_starts_a_reset, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, own) = app.person("Ada Lovelace").await;
    ada.sign_in(&app.client().user_agent(CHROME)).await;
    let mail = smtp.mail_about(SUBJECT).await;
    let (visitor, token) = (app.client(), token_of(&mail.link()));
    let _ = press(&visitor, &token).await.to("/login");
    let reset = smtp.mail_about("A new password for localhost").await;
    assert_eq!(reset.to, [&*ada.email]);
    let reset_token = reset.link().split_once("token=").unwrap().1.to_owned();
    let fields = [("token", &*reset_token), ("password", NEW), ("password_confirmation", NEW)];
    let _ = visitor.post("/password/reset", &fields).await.to("/login");
    assert!(!signed_in(&own).await);

    // Once only.
    assert_page(&visitor.get(&mail.link()).await.expect(404).has("This link does not work"));
    let page = press(&visitor, &token).await.expect(422);
    assert_page(&page);
    assert!(page.attributes("main a", "href").contains(&"/password/forgot".to_owned()));
    assert_eq!(subjects(&app, &smtp).await.len(), 3);
});

on_both_stacks!(new_browser_link_signs_out_whoever_uses_it_there, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, own) = app.person("Ada Lovelace").await;
    let other = app.client().user_agent(CHROME);
    ada.sign_in(&other).await;
    let token = token_of(&smtp.mail_about(SUBJECT).await.link());
    let answer = press(&other, &token).await.to("/login");
    assert!(answer.header("clear-site-data").is_some());
    assert!(!signed_in(&other).await && signed_in(&own).await);
    let _ = other.get("/login").await.has("That session was ended.");

    // A session that is over says so, and a new password can still be asked for.
    ada.sign_in(&app.client().user_agent("curl/8.14.1")).await;
    let mail = smtp.wait_for(3).await.pop().unwrap();
    app.end_in_database(&app.session_in("curl"), "idle");
    let page = own.get(&mail.link()).await.expect(200).has("Ended").has("Expired after not being used");
    assert_page(&page.has("mail me a link").lacks("Still signed in"));
    let _ = press(&own, &token_of(&mail.link())).await.to("/login");
    let _ = own.get("/login").await.has("That session had ended before. A link to choose a new password");
    assert!(signed_in(&own).await);
    let _ = smtp.wait_for(4).await;
    // So does one of which nothing is stored any more.
    ada.sign_in(&app.client().user_agent("Wget/1.21")).await;
    let mail = smtp.wait_for(5).await.pop().unwrap();
    app.delete_sessions_but_in("Firefox");
    assert_page(&own.get(&mail.link()).await.expect(200).has("so long ago that nothing is stored"));
    let _ = press(&own, &token_of(&mail.link())).await.to("/login");
});

on_both_stacks!(new_browser_is_none_where_the_account_was_made_or_its_password_chosen, |stack| async {
    let smtp = SmtpServer::start_own();
    let mut app =
        TestApp::builder(stack).not_set_up().var("SMTP_URL", smtp.url()).var("NOTICES", "on").start().await;
    let (grace, admin) = (Person::new("Grace Hopper"), app.client());
    grace.set_up(&admin, app.setup_link().unwrap()).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let bob = Person { password: NEW.to_owned(), ..Person::new("Bob Bemer") };
    let invitation = [("name", &*bob.name), ("email", &bob.email), ("role", "user")];
    let _ = admin.post("/admin/users", &invitation).await.expect(201);
    let invited = app.client();
    let link = smtp.mail_about("Your invitation").await.link();
    let fields =
        [("token", link.split_once("token=").unwrap().1), ("password", NEW), ("password_confirmation", NEW)];
    let _ = invited.post("/password/reset", &fields).await.to("/login");
    app.restart().await;
    for (person, client) in [(&grace, &admin), (&ada, &client), (&bob, &invited)] {
        for _ in 0..2 {
            client.close();
            person.sign_in_remembered(client).await;
            let _ = client.post("/logout", &[]).await.to("/");
        }
    }
    assert_eq!(subjects(&app, &smtp).await, ["Your invitation to localhost"]);
    // One account of a browser says nothing of another.
    ada.sign_in(&invited).await;
    assert_eq!(smtp.mail_about(SUBJECT).await.to, [ada.email]);
    assert_eq!(app.sign_in_notice_count(), 1);
});

on_both_stacks!(new_browser_without_cookies_is_told_of_once_a_day, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let sign_in = async |agent: &str, ip: [u8; 4]| {
        ada.sign_in(&app.client().user_agent(agent).bound_to(ip)).await;
        app.sign_in_notice_count()
    };
    let home = [127, 0, 0, 1];
    for (agent, ip, told) in [
        ("curl/8.14.1", home, 1),
        ("curl/8.14.1", home, 1),
        ("curl/8.14.2", home, 2),
        ("curl/8.14.1", [127, 0, 0, 2], 3),
        ("curl/8.14.1", home, 3),
    ] {
        assert_eq!(sign_in(agent, ip).await, told, "{agent} {ip:?}");
    }
    app.age_sign_in_notices(23);
    assert_eq!(sign_in("curl/8.14.1", home).await, 3);
    app.age_sign_in_notices(25);
    assert_eq!(sign_in("curl/8.14.1", home).await, 4);
    // Nobody fills a mailbox, whatever they call themselves.
    for number in 0..12 {
        sign_in(&format!("Robot {number}"), home).await;
    }
    assert_eq!(app.sign_in_notice_count(), 3 + 10);
    assert_eq!(subjects(&app, &smtp).await.len(), 3 + 10);
    // Whoever was signed out by the link is told of once more.
    app.age_sign_in_notices(25);
    for told in [14, 16] {
        assert_eq!(sign_in("curl/8.14.1", home).await, 14);
        let mail =
            smtp.wait_for(told).await.into_iter().rev().find(|mail| mail.header("Subject").contains(SUBJECT));
        let _ = press(&app.client(), &token_of(&mail.unwrap().link())).await.to("/login");
        eventually(|| async { app.waiting_mails() == 0 }).await;
        if told == 14 {
            assert_eq!(app.sign_in_notice_count(), 13);
        }
    }
});

on_both_stacks!(new_browser_at_the_same_time_is_told_of_once, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let clients: Vec<Client> = (0..6).map(|_| app.client().user_agent(CHROME)).collect();
    join_all(clients.iter().map(|client| ada.sign_in(client))).await;
    assert_eq!(app.sign_in_notice_count(), 1);
    assert_eq!(subjects(&app, &smtp).await.len(), 1);
    // Of two that press the button one is told that the link is used.
    let token = token_of(&smtp.mails()[0].link());
    let visitors: Vec<Client> = (0..4).map(|_| app.client()).collect();
    let answers = join_all(visitors.iter().map(|client| press(client, &token))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422, 422, 422]);
    assert_eq!(app.count_ended_as("ended_by_user"), 1);
    assert_eq!(subjects(&app, &smtp).await.len(), 2);
});

on_both_stacks!(new_browser_link_that_is_not_valid_changes_nothing, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let other = app.client().user_agent(CHROME);
    ada.sign_in(&other).await;
    let token = token_of(&smtp.mail_about(SUBJECT).await.link());
    let _ = app.client().post("/password/forgot", &[("email", &ada.email)]).await.to("/login");
    let reset = smtp.mail_about("A new password").await.link().split_once("token=").unwrap().1.to_owned();
    let visitor = app.client();
    let refused = async |token: &str| {
        let page = visitor.get(&format!("/sign-in/check?token={token}")).await.expect(404);
        assert_page(&page.has("Nothing was changed").has("Choose a new password"));
        assert_page(&press(&visitor, token).await.expect(422).has("This link does not work"));
        assert!(signed_in(&other).await, "{token}");
    };
    let mut tampered = token.clone();
    tampered.replace_range(..1, if token.starts_with('A') { "B" } else { "A" });
    for wrong in ["", "%00", &tampered, &token[1..], &reset] {
        refused(wrong).await;
    }
    // And the other way round.
    let _ = visitor.get(&format!("/password/reset?token={token}")).await.expect(404);
    let fields = [("token", &*token), ("password", NEW), ("password_confirmation", NEW)];
    let _ = visitor.post("/password/reset", &fields).await.expect(422).has("This link does not work");
    app.age_sign_in_notices(24 * 7 + 1);
    refused(&token).await;
    app.age_sign_in_notices(1);
    let mails = subjects(&app, &smtp).await.len();
    // Whoever has the mailbox of an address that the account does not have any more.
    app.make_address_of_before(&ada, "ada.king@example.org");
    refused(&token).await;
    app.make_address_of_before("ada.king@example.org", &ada.email);
    let _ = visitor.get(&format!("/sign-in/check?token={token}")).await.expect(200);
    app.set_active(&ada, false);
    let _ = visitor.get(&format!("/sign-in/check?token={token}")).await.expect(404);
    let _ = press(&visitor, &token).await.expect(422);
    assert_eq!((subjects(&app, &smtp).await.len(), app.sign_in_notice_count()), (mails, 1));
});

on_both_stacks!(new_browser_links_of_one_network_that_are_not_valid_are_limited, |stack| async {
    let app = TestApp::builder(stack).var("NOTICES", "on").var("THROTTLE", "on").start().await;
    let client = app.client();
    for _ in 0..20 {
        let _ = client.get("/sign-in/check?token=guessed").await.expect(404);
    }
    let page = client.get("/sign-in/check?token=guessed").await.expect(429);
    assert_page(&page);
});

on_both_stacks!(new_browser_and_its_notice_are_recorded_together_or_not_at_all, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = start(stack, &smtp).await;
    let (ada, known) = app.person("Ada Lovelace").await;
    let stranger = app.client().user_agent(CHROME);
    for table in ["mails", "sign_in_notices"] {
        app.take_table_away(table);
        let fields = [("email", &*ada.email), ("password", PASSWORD)];
        let _ = stranger.post("/login", &fields).await.expect(500);
        assert!(!signed_in(&stranger).await);
        // A known browser asks neither table.
        let _ = known.post("/logout", &[]).await.to("/");
        ada.sign_in(&known).await;
        app.put_table_back(table);
    }
    assert_eq!((app.sign_in_notice_count(), app.active_sessions_of(&ada).len()), (0, 1));
    ada.sign_in(&stranger).await;
    let _ = smtp.mail_about(SUBJECT).await;
});

on_both_stacks!(new_browser_is_not_told_of_with_notices_off, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "off").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    ada.sign_in(&app.client()).await;
    assert_eq!((app.sign_in_notice_count(), subjects(&app, &smtp).await.len()), (0, 0));
});
