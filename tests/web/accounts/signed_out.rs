//! Tests that the end of a session is the same by whichever form it comes, and that everybody reads who ended it.

use crate::support::{
    admin_pages::{link_on, token_of},
    *,
};

/// Asserts that an answer removes the session's cookie and what the browser keeps of signed-in pages.
#[track_caller]
fn assert_signs_out(answer: &Answer) {
    assert_eq!(answer.header("clear-site-data"), Some("\"cache\", \"storage\""), "{}", answer.summary());
    let removed =
        answer.set_cookies().into_iter().any(|cookie| cookie.name == COOKIE && cookie.max_age() == Some(0));
    assert!(removed, "{}", answer.summary());
}

on_both_stacks!(every_way_to_end_the_own_session_clears_the_browser, |stack| async {
    let app = TestApp::start(stack).await;
    app.admin("Grace Hopper").await;
    let (alan, admin) = app.admin("Alan Turing").await;
    assert_signs_out(&admin.post("/logout", &[]).await.to("/"));
    alan.sign_in(&admin).await;
    let end = format!("/sessions/{}/end", own_session_id(&admin).await);
    assert_signs_out(&admin.post(&end, &[]).await.to("/"));
    alan.sign_in(&admin).await;
    let end = format!("/admin/sessions/{}/end", own_session_id(&admin).await);
    assert_signs_out(&admin.post(&end, &[]).await.to("/"));
    alan.sign_in(&admin).await;
    let link = link_on(&admin.post(&format!("{}/send-reset", app.admin_path(&alan)), &[]).await.expect(200));
    let fields = [("token", &*token_of(&link)), ("password", PASSWORD), ("password_confirmation", PASSWORD)];
    assert_signs_out(&admin.post("/password/reset", &fields).await.to("/login"));
    alan.sign_in(&admin).await;
    let deactivate = format!("{}/deactivate", app.admin_path(&alan));
    assert_signs_out(&admin.post(&deactivate, &[]).await.to("/"));
    let (_, user) = app.person("Ada Lovelace").await;
    assert_signs_out(&user.post("/profile/delete", &[("current_password", PASSWORD)]).await.to("/"));
});

on_both_stacks!(sign_in_over_another_persons_session_clears_the_browser, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, browser) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Kahn").await;
    let clears = |answer: &Answer| answer.header("clear-site-data") == Some("\"cache\", \"storage\"");
    assert!(!clears(&ada.sign_in(&browser).await), "the same person");
    let wrong = [("email", &*bob.email), ("password", "wrong")];
    assert!(!clears(&browser.post("/login", &wrong).await.expect(401)), "nobody else signed in");
    assert!(clears(&bob.sign_in(&browser).await));
    assert!(!clears(&bob.sign_in(&browser).await), "it was cleared already");
    assert!(clears(&Person::new("Carol Shaw").register(&browser).await));
    // A session that ended from elsewhere leaves as much behind.
    for (next, cleared) in [(Person::new("Carol Shaw"), false), (ada, true)] {
        let end = format!("/admin/sessions/{}/end", own_session_id(&browser).await);
        admin.post(&end, &[]).await.to("/admin/sessions");
        assert_eq!(clears(&next.sign_in(&browser).await), cleared, "{next:?}");
    }
    assert!(!clears(&bob.sign_in(&app.client()).await), "nobody was signed in in this browser");
});

on_both_stacks!(session_replaced_by_somebody_else_is_not_ended_by_an_administrator, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, browser) = app.person("Ada Lovelace").await;
    let (bob, _) = app.person("Bob Kahn").await;
    let mut own = browser.events("/session/events").await;
    bob.sign_in(&browser).await;
    let heard = own.wait_for("signed-out", |_| true).await;
    assert_eq!(heard["sentence"], "There was a new sign-in in this browser.");
    let elsewhere = app.client();
    ada.sign_in(&elsewhere).await;
    let page = elsewhere.get("/activity").await.expect(200).lacks("administrator").lacks("Bob");
    let _ = page.has("Session ended when somebody else signed in in the same browser");
    let _ = admin.get("/admin/events?q=ada").await.expect(200).has("by Bob Kahn (bob.kahn@example.org)");
});

on_both_stacks!(events_say_who_caused_them, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let wrong = [("email", ada.email.as_str()), ("password", "wrong")];
    let _ = app.client().post("/login", &wrong).await.expect(401);
    let vars = app.command_vars();
    Program::run(&["sessions", "end", "--q", "ada", "--reason", "Drill", "--yes"], &vars, "").done();
    Program::run(&["user", "set-role", &ada.email, "admin"], &vars, "").done();
    let rows = admin.get("/admin/events?q=ada").await.expect(200).lacks("by the system").texts("tbody tr");
    let by = |what: &str| rows.iter().find(|row| row.starts_with(what)).unwrap_or_else(|| panic!("{rows:?}"));
    assert!(by("Sign-in failed").contains("nobody was signed in"), "{rows:?}");
    assert!(by("Session ended").contains("on the command line"), "{rows:?}");
    assert!(by("Role changed").contains("on the command line"), "{rows:?}");
    let user = admin.get(&app.admin_path(&ada)).await.expect(200);
    let _ = user.has("nobody was signed in").has("on the command line");
});

on_both_stacks!(invited_person_is_not_told_of_sessions_that_ended, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let fields = [("name", "Eve"), ("email", "eve@example.org"), ("role", "user")];
    let link = link_on(&admin.post("/admin/users", &fields).await.expect(201));
    let eve = app.client();
    let fields = [("token", &*token_of(&link)), ("password", PASSWORD), ("password_confirmation", PASSWORD)];
    let answer = eve.post("/password/reset", &fields).await.to("/login");
    let page = eve.follow(answer).await.has("Your password is set. Sign in with it.");
    let _ = page.lacks("signed in, that has ended");
});
