//! Tests that a page acts only for the session it was made for: somebody else may have signed in in another tab of the
//! browser meanwhile.

use reqwest::Method;

use crate::support::{
    calls::is_of_own_script,
    routes::{RouteSpec, example, session_routes},
    *,
};

/// Ada's browser with her session, and the same browser after Bob has signed in in another tab.
async fn two_people_in_one_browser(app: &TestApp) -> (Person, Client) {
    let (ada, browser) = app.person("Ada Lovelace").await;
    app.person("Bob Kahn").await;
    (ada, browser)
}

on_both_stacks!(form_of_another_session_changes_nothing, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, browser) = two_people_in_one_browser(&app).await;
    let bob = Person::new("Bob Kahn");
    let page = browser.get("/profile").await.expect(200);
    let form = page.form("/profile");
    bob.sign_in(&browser).await;
    let before = app.event_count();

    let fields = form.with(&[("name", "Ada Byron")]);
    let refused = browser.post("/profile", &fields).await.expect(409);
    assert_page(&refused);
    let refused = refused.has("You are now signed in as Bob Kahn (bob.kahn@example.org)");
    let refused = refused.has("nothing was changed");
    assert_eq!(refused.attributes("main .actions a.primary", "href"), ["/profile"]);
    assert_eq!(refused.texts("header .who"), ["Signed in as Bob Kahn"]);
    let problem = browser.request(Method::POST, "/profile").form(&fields);
    let problem = problem.header("accept", "application/json").send().await.expect(409);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert!(problem.json()["detail"].as_str().unwrap().contains("signed in as Bob Kahn"));
    let logout = page.form("/logout");
    browser.post("/logout", &logout.with(&[])).await.expect(409);
    assert_eq!((app.name_of(&ada), app.name_of(&bob)), (ada.name.clone(), bob.name.clone()));
    assert_eq!((app.event_count(), signed_in(&browser).await), (before, true));

    // Scripts send no such field; Bob's own page does.
    let _ = browser.post("/profile", &[("name", "Bob K.")]).await.to("/profile");
    let own = browser.get("/profile").await.expect(200).form("/profile");
    let _ = browser.post("/profile", &own.with(&[("name", "Robert Kahn")])).await.to("/profile");
    assert_eq!(app.name_of(&bob), "Robert Kahn");
});

on_both_stacks!(form_of_an_earlier_session_of_the_same_person_refused, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, browser) = app.person("Ada Lovelace").await;
    let form = browser.get("/profile").await.expect(200).form("/profile");
    ada.sign_in(&browser).await;
    let refused = browser.post("/profile", &form.with(&[("name", "Ada B.")])).await.expect(409);
    let _ = refused.has("You are now signed in as Ada Lovelace");
    // Rotation keeps the session: a confirmed password or a changed role must not make open pages useless.
    let form = browser.get("/profile").await.expect(200).form("/profile");
    let _ = browser.post("/confirm-password", &[("password", PASSWORD)]).await.to("/profile");
    let _ = browser.post("/profile", &form.with(&[("name", "Ada B.")])).await.to("/profile");
    // Nobody is signed in: the form asks to sign in.
    let _ = browser.post("/logout", &[]).await.to("/");
    let _ = browser.post("/profile", &form.with(&[])).await.expect(401).has("Sign in first");
});

on_both_stacks!(every_route_refuses_a_form_of_another_session, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, visitor) = app.person("Ada Lovelace").await;
    let other = own_session_id(&visitor).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let before = app.event_count();
    let mut refused = 0;
    let is_form = |line: &&RouteSpec| line.method.as_str() == "POST" && !is_of_own_script(line.path);
    for line in session_routes().iter().filter(is_form) {
        let path = example(line);
        for fields in [[("for_session", other.as_str())], [("for_session", "")]] {
            let _ = admin.post(&path, &fields).await.expect(409).has("You are now signed in as Grace Hopper");
            refused += 1;
        }
    }
    assert!(refused > 30, "{refused}");
    let twice = [("for_session", other.as_str()), ("for_session", other.as_str())];
    let _ = admin.post("/logout", &twice).await.expect(400);
    assert_eq!(app.event_count(), before);
});

on_both_stacks!(stream_of_another_session_refused, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, ada) = app.admin("Ada Lovelace").await;
    let (_, bob) = app.person("Bob Kahn").await;
    let id = own_session_id(&ada).await;
    for path in ["/session/events", "/admin/sessions/events"] {
        let stream = format!("{path}?for_session={id}");
        let request = bob.request(Method::GET, &stream).header("accept", "text/event-stream");
        let problem = request.send().await.expect(409);
        assert!(problem.json()["detail"].as_str().unwrap().contains("signed in as Bob Kahn"), "{path}");
        let _ = ada.events(&stream).await;
    }
});

on_both_stacks!(sign_in_page_opened_before_somebody_signed_in_works, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, browser) = two_people_in_one_browser(&app).await;
    let bob = Person::new("Bob Kahn");
    // The credentials say who acts; the page was made for nobody.
    let form = app.client().get("/login").await.expect(200).form("/login");
    let fields = form.with(&[("email", &bob.email), ("password", &bob.password)]);
    let _ = browser.post("/login", &fields).await.to("/profile");
    let _ = browser.get("/profile").await.expect(200).has("bob.kahn@example.org");
});
