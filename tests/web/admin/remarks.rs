//! Tests what administrators write when they end sessions: whoever is signed out reads the reason, and only administrators read
//! the note.

use reqwest::Method;

use crate::support::*;

const REASON: &str = "Laptop reported lost";
const NOTE: &str = "Ticket 4711, asked by HR";
const REMARKS: [(&str, &str); 2] = [("reason", REASON), ("note", NOTE)];

/// Asserts that a person whose session ended reads the reason, wherever there is something to read, and nowhere the note.
async fn assert_person_reads_reason_only(person: &Client) {
    let script = person.request(Method::GET, "/profile").header("accept", "application/json");
    let script = script.send().await.expect(401);
    let form = person.copy().post("/profile", &[("name", "Ada")]).await.expect(401);
    for answer in [script, form, person.get_following("/profile").await.expect(200)] {
        let _ = answer.has(REASON).lacks("4711");
    }
}

/// Asserts that the person's own log has the reason of this many ends, and no note.
async fn assert_activity_lacks_note(person: &Client, ends: usize) {
    let page = person.get("/activity").await.expect(200).lacks("4711");
    let reasons = page.texts(".events li").iter().filter(|text| text.contains(REASON)).count();
    assert_eq!(reasons, ends, "{}", page.text());
}

/// Asserts that administrators read both where they read of the end.
async fn assert_administrators_read_both(admin: &Client, id: &str) {
    for path in [format!("/admin/sessions/{id}"), "/admin/events".to_owned(), "/admin/events.csv".to_owned()]
    {
        let page = admin.get(&path).await.expect(200);
        let _ = page.has(REASON).has(NOTE);
    }
}

on_both_stacks!(note_for_the_record_is_never_read_by_whoever_is_signed_out, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let user = app.admin_path(&ada);

    let id = own_session_id(&client).await;
    let mut own = client.events("/session/events").await;
    let mut all = admin.events("/admin/sessions/events").await;
    let _ = admin.post(&format!("/admin/sessions/{id}/end"), &REMARKS).await.to("/admin/sessions");
    let heard = own.wait_for("signed-out", |_| true).await.to_string();
    assert!(heard.contains(REASON) && !heard.contains("4711"), "{heard}");
    let ended = all.wait_for("ended", |end| end["id"] == *id).await;
    assert_eq!((&ended["message"], &ended["note"]), (&REASON.into(), &NOTE.into()));
    assert_person_reads_reason_only(&client).await;
    assert_administrators_read_both(&admin, &id).await;

    ada.sign_in(&client).await;
    let id = own_session_id(&client).await;
    let fields = [&REMARKS[..], &[("q", "ada")]].concat();
    let preview = admin.post("/admin/sessions/end", &fields).await.expect(200);
    let form = preview.form("/admin/sessions/end");
    let _ = admin.post("/admin/sessions/end", &form.with(&[])).await.to("/admin/sessions");
    assert_person_reads_reason_only(&client).await;
    assert_administrators_read_both(&admin, &id).await;

    ada.sign_in(&client).await;
    let _ = admin.post(&format!("{user}/end-sessions"), &REMARKS).await.to(&user);
    assert_person_reads_reason_only(&client).await;
    ada.sign_in(&client).await;
    assert_activity_lacks_note(&client, 3).await;

    let _ = admin.post(&format!("{user}/deactivate"), &REMARKS).await.to(&user);
    assert_person_reads_reason_only(&client).await;
    let page = admin.get(&user).await.expect(200);
    assert_eq!(page.texts(".events .detail").iter().filter(|text| text.contains(NOTE)).count(), 5);
    let _ = admin.post(&format!("{user}/activate"), &[]).await.to(&user);
    ada.sign_in(&client).await;
    // The end of the session, and that the account was deactivated.
    assert_activity_lacks_note(&client, 5).await;
});

#[actix_web::test]
async fn note_reaches_administrators_on_another_instance() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let other = app.second_instance().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    let mut all = admin.at(&other).events("/admin/sessions/events").await;
    let sign_ins = async {
        loop {
            // Until the instances are linked.
            ada.sign_in(&app.client()).await;
        }
    };
    tokio::select! {
    () = sign_ins => {}
    _ = all.wait_for("started", |_| true) => {}
    }
    let _ = admin.post(&format!("/admin/sessions/{id}/end"), &REMARKS).await.to("/admin/sessions");
    let ended = all.wait_for("ended", |end| end["id"] == *id).await;
    assert_eq!((&ended["message"], &ended["note"]), (&REASON.into(), &NOTE.into()));
}

on_both_stacks!(note_without_reason_is_not_read_either, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (_, client) = app.person("Ada Lovelace").await;
    let path = format!("/admin/sessions/{}/end", own_session_id(&client).await);
    let _ = admin.post(&path, &[("note", NOTE)]).await.to("/admin/sessions");
    let page = client.get_following("/profile").await.expect(200);
    let _ = page.has("You were signed out by an administrator").lacks(NOTE);
});

on_both_stacks!(forms_that_end_sessions_say_who_reads_what, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    let (session, user) = (format!("/admin/sessions/{id}"), app.admin_path(&ada));
    for (page, forms) in [("/admin/sessions", 3), (session.as_str(), 1), (user.as_str(), 2)] {
        let page = admin.get(page).await.expect(200);
        assert_page(&page);
        let both = page.forms().into_iter().filter(|form| {
            ["reason", "note"].iter().all(|name| form.fields.iter().any(|(field, _)| field == name))
        });
        assert_eq!(both.count(), forms);
        let _ = page.has("Whoever is signed out reads it.").has("Only administrators read it.");
    }
    let long = "x".repeat(201);
    for action in ["end-sessions", "deactivate"] {
        let fields = [("reason", "kept as typed"), ("note", long.as_str())];
        let page = admin.post(&format!("{user}/{action}"), &fields).await.expect(422);
        assert!(page.field_error("note").is_some() && page.field_error("reason").is_none(), "{action}");
        let form = page.form(&format!("{user}/{action}"));
        assert!(form.fields.contains(&("reason".to_owned(), "kept as typed".to_owned())), "{form:?}");
    }
    assert!(signed_in(&client).await);
});

on_both_stacks!(command_line_takes_reason_and_note, |stack| async {
    let app = TestApp::start(stack).await;
    let vars = app.command_vars();
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = own_session_id(&client).await;
    let remarks = ["--reason", REASON, "--note", NOTE];
    let end = [&["sessions", "end", "--q", "ada", "--yes"], &remarks[..]].concat();
    Program::run(&end, &vars, "").done();
    assert_person_reads_reason_only(&client).await;
    assert_administrators_read_both(&admin, &id).await;
    let listed = Program::run(&["sessions", "list", "--state", "ended", "--json"], &vars, "").done();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed["end_message"], &listed["end_note"]), (&REASON.into(), &NOTE.into()));
    ada.sign_in(&client).await;
    Program::run(&[&["user", "deactivate", ada.email.as_str()], &remarks[..]].concat(), &vars, "").done();
    assert_person_reads_reason_only(&client).await;
    let long = "x".repeat(201);
    let refused = ["sessions", "end", "--all", "--yes", "--reason", "x", "--note", &long];
    assert!(Program::run(&refused, &vars, "").failed().contains("--note"));
});

on_both_stacks!(ending_from_a_filtered_list_comes_back_to_it, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for _ in 0..60 {
        ada.sign_in(&app.client()).await;
    }
    let here = "/admin/sessions?q=ada&sort=started";
    let list = admin.get(here).await.expect(200);
    let second = list.attributes("nav.pages a[rel=next]", "href").remove(0);
    for list in [here, &second] {
        let page = admin.get(list).await.expect(200);
        let form =
            page.forms().into_iter().find(|form| form.action.ends_with("/end") && form.action.len() > 30);
        let form = form.unwrap();
        let _ = admin.post(&form.action, &form.with(&[])).await.to(list);
    }
    // The form with the whole filter, its preview, and what ends then.
    let form = admin.get(&second).await.expect(200).form("/admin/sessions/end");
    let preview = admin.post("/admin/sessions/end", &form.with(&[("reason", "Drill")])).await.expect(200);
    assert_eq!(preview.attributes("main .actions a", "href"), std::slice::from_ref(&second));
    let form = preview.form("/admin/sessions/end");
    let _ = admin.post("/admin/sessions/end", &form.with(&[])).await.to(&second);
    assert!(!signed_in(&client).await);
    // Only to this site.
    ada.sign_in(&client).await;
    let id = own_session_id(&client).await;
    let foreign = [("back", "https://evil.example/")];
    let _ = admin.post(&format!("/admin/sessions/{id}/end"), &foreign).await.to("/admin/sessions");
});
