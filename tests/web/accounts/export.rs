//! Tests `/profile/export` and the export of an administrator: all that is stored of a person, and no secret.

use reqwest::Method;
use serde_json::Value;
use time::OffsetDateTime;

use crate::support::*;

const REMARKS: [(&str, &str); 2] = [("reason", "Laptop reported lost"), ("note", "Ticket 4711")];

/// A person with a history, and the administrator who is part of it, at another address.
async fn person_with_history(app: &TestApp) -> (Person, Client, Person, Client) {
    let (grace, _) = app.admin("Grace Hopper").await;
    let admin = app.client().bound_to([127, 0, 0, 9]);
    grace.sign_in(&admin).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    ada.sign_in(&app.client().user_agent("curl/8.14.1")).await;
    let _ =
        admin.post(&format!("/admin/sessions/{}/end", app.session_in("curl")), &REMARKS).await.expect(303);
    ada.sign_in_remembered(&app.client().user_agent("Wget/1.21")).await;
    let _ = client.post("/profile", &[("name", "Ada \"Augusta\" Lovelace")]).await.to("/profile");
    let _ = admin.post(&format!("{}/send-reset", app.admin_path(&ada)), &[]).await.expect(200);
    (ada, client, grace, admin)
}

fn list<'a>(export: &'a Value, name: &str) -> &'a Vec<Value> {
    export[name].as_array().unwrap_or_else(|| panic!("{name}: {export}"))
}

/// Asserts that nothing secret is in a file.
fn assert_no_secrets(app: &TestApp, person: &Person, client: &Client, text: &str) {
    let secrets = [
        vec![app.password_hash_of(person), PASSWORD.to_owned(), app.stored_state()],
        app.store_keys(),
        app.token_hashes(),
    ];
    for secret in secrets.concat().into_iter().chain(client.cookies().into_iter().map(|cookie| cookie.value))
    {
        assert!(secret.is_empty() || !text.contains(&secret), "{secret} is in {text}");
    }
    for word in ["argon2", "hash", "store_key", "state\"", "search_text", "epoch"] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
}

on_both_stacks!(export_is_a_file_without_secrets_and_without_what_others_may_not_read, |stack| async {
    let builder = TestApp::builder(stack).var("SMTP_URL", "smtp://127.0.0.1:9").var("NOTICES", "on");
    let app = builder.start().await;
    let (ada, client, grace, _) = person_with_history(&app).await;
    let page = client.get("/profile").await.expect(200);
    assert!(page.attributes("main a", "href").contains(&"/profile/export".to_owned()));
    let file = client.get("/profile/export").await.expect(200);
    assert_eq!(file.header("content-type"), Some("application/json"));
    assert_eq!(file.header("cache-control"), Some("no-store"));
    let name = format!("account-{}-{}.json", app.user_id(&ada), OffsetDateTime::now_utc().date());
    assert_eq!(file.header("content-disposition"), Some(&*format!("attachment; filename=\"{name}\"")));
    assert_eq!(header_complaints(&file), Vec::<String>::new());
    assert_no_secrets(&app, &ada, &client, &file.body);

    // Nothing of the administrator, and nothing that only administrators read.
    for text in ["4711", "127.0.0.9", &grace.name, &grace.email, "\"note\"", "by_user"] {
        assert!(!file.body.contains(text), "{text} is in {}", file.body);
    }
    let _ = client.get("/activity").await.expect(200).has("Data downloaded");
    assert_eq!(app.sessions_of_events("exported"), [own_session_id(&client).await]);
});

on_both_stacks!(export_has_all_that_is_stored_of_the_person, |stack| async {
    let builder = TestApp::builder(stack).var("SMTP_URL", "smtp://127.0.0.1:9").var("NOTICES", "on");
    let app = builder.start().await;
    let (ada, client, ..) = person_with_history(&app).await;
    let export = client.get("/profile/export").await.expect(200).json();
    let account = &export["account"];
    assert_eq!(
        (&account["name"], &account["email"]),
        (&"Ada \"Augusta\" Lovelace".into(), &(&*ada.email).into())
    );
    assert_eq!((&account["role"], &account["active"]), (&"user".into(), &true.into()));
    assert!(account["created_at"].as_str().unwrap().ends_with('Z'), "{account}");
    let sessions = list(&export, "sessions");
    assert_eq!(sessions.len(), 3);
    let ended: Vec<_> = sessions.iter().filter(|session| !session["ended_at"].is_null()).collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (&ended[0]["end_reason"], &ended[0]["end_message"], &ended[0]["ended_by"]),
        (&"ended_by_admin".into(), &"Laptop reported lost".into(), &"administrator".into())
    );
    assert_eq!((&ended[0]["user_agent"], &ended[0]["ip"]), (&"curl/8.14.1".into(), &"127.0.0.1".into()));
    let events = list(&export, "events");
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let expected = [
        "exported",
        "reset_link_made",
        "name_changed",
        "signed_in",
        "session_ended",
        "signed_in",
        "signed_in",
        "registered",
    ];
    assert_eq!(kinds, expected);
    let made = &events[1];
    assert_eq!((&made["by"], &made["ip"]), (&"administrator".into(), &Value::Null));
    assert_eq!((&events[2]["by"], &events[2]["ip"]), (&"self".into(), &"127.0.0.1".into()));
    let mails: Vec<&str> = list(&export, "mails").iter().map(|mail| mail["kind"].as_str().unwrap()).collect();
    assert_eq!(mails, ["confirm_address", "new_browser", "new_browser", "new_password"]);
    assert_eq!(list(&export, "mails")[0]["recipient"], *ada.email);
    let links: Vec<&str> =
        list(&export, "links").iter().map(|link| link["purpose"].as_str().unwrap()).collect();
    assert_eq!(links, ["confirm", "reset"]);
    assert_eq!(list(&export, "links")[0]["address"], *ada.email);
    assert_eq!(list(&export, "sign_in_notices").len(), 2);
});

on_both_stacks!(export_needs_a_password_that_was_given_recently, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let head = client.request(Method::HEAD, "/profile/export").send().await.expect(200);
    assert_eq!((head.body.len(), app.event_count_of("exported")), (0, 0));
    app.set_confirmations(-3_600);
    let _ = client.get("/profile/export").await.to("/confirm-password?next=%2Fprofile");
    let script = client.request(Method::GET, "/profile/export").header("accept", "application/json");
    let _ = script.send().await.expect(403).has("/confirm-password");
    let form = client.get("/confirm-password?next=/profile").await.expect(200).form("/confirm-password");
    let _ = client.post("/confirm-password", &form.with(&[("password", PASSWORD)])).await.to("/profile");
    let export = client.get("/profile/export").await.expect(200).json();
    assert_eq!(export["account"]["email"], *ada.email);
    assert_eq!(app.event_count_of("exported"), 1);
});

on_both_stacks!(export_by_administrator_has_the_notes_and_is_recorded, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client, grace, admin) = person_with_history(&app).await;
    let path = app.admin_path(&ada);
    let form = admin.get(&path).await.expect(200).form(&format!("{path}/export"));
    let file = admin.post(&form.action, &form.with(&[])).await.expect(200);
    assert!(file.header("content-disposition").unwrap().contains("account-"));
    assert_no_secrets(&app, &ada, &client, &file.body);
    let export = file.json();
    let ended: Vec<_> =
        list(&export, "sessions").iter().filter(|session| !session["ended_at"].is_null()).collect();
    let grace_id: i64 = app.user_id(&grace).parse().unwrap();
    assert_eq!((&ended[0]["note"], &ended[0]["by_user"]), (&"Ticket 4711".into(), &grace_id.into()));
    assert_eq!(app.event_users("exported"), [[Some(app.user_id(&ada)), Some(app.user_id(&grace))]]);
    // The person sees that it was done, not from where.
    let _ = client.get("/activity").await.expect(200).has("Data downloaded").lacks("127.0.0.9");

    let _ = admin.post(&form.action, &[("x", "y")]).await.expect(422);
    let _ = admin.post("/admin/users/4711/export", &[]).await.expect(404);
    let _ = client.post(&form.action, &[]).await.expect(403);
    app.set_confirmations(-3_600);
    let asked = admin.post(&form.action, &[]).await.expect(403);
    assert_page(&asked.clone().has("download all that is stored of Ada"));
    let again = asked.form(&form.action);
    let _ = admin.post(&form.action, &again.with(&[("confirm_password", PASSWORD)])).await.expect(200).json();
    assert_eq!(app.event_count_of("exported"), 2);
});

on_both_stacks!(export_of_a_long_history_is_complete_and_in_parts, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (session, user) = (app.session_of(&ada), app.user_id(&ada));
    app.copy_session(&session, 2_500);
    for _ in 0..10 {
        app.insert_events(&vec![("2026-01-01 00:00:00", "name_changed", Some(&*user), Some("x")); 10_000]);
    }
    let export = client.get("/profile/export").await.expect(200).json();
    let count = |name: &str| list(&export, name).len();
    assert_eq!((count("sessions"), count("events")), (2_501, 100_000 + 3));
    let mut ids: Vec<&str> =
        list(&export, "sessions").iter().map(|one| one["id"].as_str().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2_501);

    // A session that ends while its file is sent gets no more of it.
    let cookie = client.cookie("gatehouse").unwrap();
    let request = reqwest::Client::builder().no_proxy().build().unwrap().get(app.url("/profile/export"));
    let mut answer =
        request.header("cookie", format!("{}={}", cookie.name, cookie.value)).send().await.unwrap();
    answer.chunk().await.unwrap().expect("a first chunk");
    let _ = client.post("/logout", &[]).await.to("/");
    let end = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(end.is_err(), "the connection is aborted");
});
