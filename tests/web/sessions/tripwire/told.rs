//! Who is told of a stolen key, and where it is shown.

use super::copies::*;
use crate::support::{metrics::Metrics, smtp::SmtpServer, *};

const BADGE: &str = "Key used by somebody else";
const TO_OWNER: &str = "Somebody else has used a key of your session";
const TO_ADMINISTRATOR: &str = "A key of a session";

on_both_stacks!(stolen_key_is_told_by_mail, |stack| async {
    let smtp = SmtpServer::start_own();
    let app = builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "on").start().await;
    let (grace, _) = app.admin("Grace Hopper").await;
    let (ada, old) = signed_out(&app, "Ada Lovelace").await;
    is_refused(&thief(&app, &old)).await;
    let mail = smtp.mail_about(TO_OWNER).await;
    assert_eq!(mail.to, [&*ada.email]);
    for part in [
        "from the address 127.0.0.2 with curl 8",
        "a session of yours that has ended",
        "with Firefox on Linux",
        "It was refused",
    ] {
        assert!(mail.text.contains(part) && mail.html.contains(part), "{part}: {}", mail.text);
    }
    assert!(mail.link().ends_with("/sessions"), "{}", mail.link());
    let mail = smtp.mail_about(TO_ADMINISTRATOR).await;
    assert_eq!(mail.to, [&*grace.email]);
    for part in [&ada.name, &ada.email, "from the address 127.0.0.2 with curl 8"] {
        assert!(mail.text.contains(part), "{part}: {}", mail.text);
    }
    assert!(mail.link().ends_with(&app.newest_session_of(&ada)), "{}", mail.link());

    // Once a day, and administrators once an hour, whoever it is of.
    let sent = async |count: usize| {
        eventually(|| async { app.waiting_mails() == 0 }).await;
        let about = |subject: &str| {
            smtp.mails().iter().filter(|mail| mail.header("Subject").starts_with(subject)).count()
        };
        assert_eq!((about(TO_OWNER), about(TO_ADMINISTRATOR)), (count, 1));
    };
    is_refused(&copy(&app, &old, &[SESSION], FURTHER)).await;
    told(&app, 2).await;
    sent(1).await;
    let (_, other) = signed_out(&app, "Alan Turing").await;
    is_refused(&thief(&app, &other)).await;
    told(&app, 3).await;
    sent(2).await;
});

on_both_stacks!(stolen_key_that_ends_sessions_is_told_with_that, |stack| async {
    let smtp = SmtpServer::start_own();
    let vars = builder(stack).var("SMTP_URL", smtp.url()).var("NOTICES", "on").var("TRIPWIRE", "end");
    let app = vars.start().await;
    let (ada, old) = signed_out(&app, "Ada Lovelace").await;
    let laptop = old.copy();
    ada.sign_in(&laptop).await;
    is_refused(&thief(&app, &old)).await;
    let mail = smtp.mail_about(TO_OWNER).await;
    assert!(mail.text.contains("All your sessions were ended"), "{}", mail.text);
    assert!(mail.link().ends_with("/password/forgot"), "{}", mail.link());
});

on_both_stacks!(stolen_key_is_not_mailed_without_notices, |stack| async {
    let app = builder(stack).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    is_refused(&thief(&app, &old)).await;
    told(&app, 1).await;
    assert_eq!(app.waiting_mails(), 0);
});

on_both_stacks!(stolen_key_is_shown_to_administrators, |stack| async {
    let app = builder(stack).start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let old = client.copy();
    rotate(&client).await;
    let (session, user) = (app.session_of(&ada), app.admin_path(&ada));
    let pages = ["/admin/sessions", &format!("/admin/sessions/{session}"), "/admin/users", &user];
    for path in pages {
        admin.get(path).await.expect(200).lacks(BADGE);
    }
    app.set_rotated_ago(60);
    is_refused(&thief(&app, &old)).await;
    told(&app, 1).await;
    for path in pages {
        assert_page(&admin.get(path).await.expect(200).has(BADGE));
    }
    let one = admin.get(&format!("/admin/sessions/{session}")).await;
    let _ = one.has("A key that had been replaced").has("127.0.0.2").has("nobody was signed in");
    // Of the others nobody says so.
    let tags = admin.get("/admin/users").await.texts(".table .tag.ended");
    assert_eq!(tags, [BADGE]);
    let events = admin.get(&format!("/admin/events?kind={USED}")).await.expect(200);
    assert_page(&events.has("Key of a session used by somebody else").has(&ada.name).has("127.0.0.2"));
    let file = admin.get(&format!("/admin/events.csv?kind={USED}")).await.expect(200).body;
    assert!(file.contains(USED) && file.contains("127.0.0.2") && file.lines().count() == 2, "{file}");
    let overview = admin.get("/admin").await.expect(200);
    assert_page(&overview);
    assert!(overview.text().contains("Stolen keys used last 30 days1"), "{}", overview.text());
    // It stays with the session when that has ended.
    client.post("/logout", &[]).await.to("/");
    admin.get("/admin/sessions?state=ended").await.expect(200).has(BADGE);
    admin.get(&user).await.expect(200).has(BADGE);
});

on_both_stacks!(stolen_key_is_shown_to_its_person, |stack| async {
    let app = builder(stack).start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let old = client.copy();
    rotate(&client).await;
    client.get("/sessions").await.expect(200).lacks(BADGE).lacks("Somebody else has used a key of yours");
    app.set_rotated_ago(60);
    is_refused(&thief(&app, &old)).await;
    told(&app, 1).await;
    let page = client.get("/sessions").await.expect(200).has(BADGE);
    assert_page(&page.has("Somebody else has used a key of yours"));
    let page = client.get("/activity").await.expect(200).has("Key of a session used by somebody else");
    assert_page(&page.has("A key that had been replaced").has("127.0.0.2").has("curl 8"));
    let (_, grace) = app.person("Grace Hopper").await;
    grace.get("/sessions").await.expect(200).lacks("Somebody else");
});

on_both_stacks!(stolen_key_is_counted, |stack| async {
    let app = builder(stack).with_ops().start().await;
    let used = ["stolen_keys_used_total"];
    let before = Metrics::of(&app).await;
    assert!(before.names().any(|name| name == "stolen_keys_used_total{key=\"unbound\"}"));
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    is_refused(&thief(&app, &old)).await;
    is_refused(&thief(&app, &old)).await;
    told(&app, 1).await;
    eventually(|| async { !Metrics::of(&app).await.more_than(&before, &used).is_empty() }).await;
    let more = Metrics::of(&app).await.more_than(&before, &used);
    assert_eq!(
        more.into_iter().collect::<Vec<_>>(),
        [("stolen_keys_used_total{key=\"ended\"}".to_owned(), 1.0)]
    );
});
