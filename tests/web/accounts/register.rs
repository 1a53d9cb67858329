//! Tests `/register`.

use crate::support::*;

const STRONG: &str = PASSWORD;

/// The form with valid values.
fn valid_form() -> Form {
    let fields = [
        ("name", "Ada Lovelace"),
        ("email", "ada@example.org"),
        ("password", STRONG),
        ("password_confirmation", STRONG),
    ];
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Form { action: "/register".to_owned(), fields }
}

on_both_stacks!(register_signs_in_new_user, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let page = client.get("/profile").await.expect(200).has(&ada.email).has("Your account is ready");
    assert_page(&page);
    client.get("/profile").await.expect(200).lacks("Your account is ready");
    assert_eq!(app.users(), [["Ada Lovelace", "ada.lovelace@example.org", "user"]]);
});

on_both_stacks!(register_redirects_to_local_next, |stack| async {
    let app = TestApp::start(stack).await;
    let client = app.client();
    let page = client.get("/register?next=%2Fsessions%3Fa%3Db").await.expect(200);
    assert_page(&page);
    let form = page.form("/register");
    let sent =
        form.with(&valid_form().with(&[])).into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let sent = Form { action: String::new(), fields: sent };
    client.post("/register", &sent.with(&[])).await.to("/sessions?a=b");

    let elsewhere = app.client();
    let fields = valid_form();
    let fields = fields.with(&[("email", "bob@example.org"), ("next", "//evil.example/")]);
    elsewhere.post("/register", &fields).await.to("/profile");
});

on_both_stacks!(register_invalid_422_keeps_input, |stack| async {
    let app = TestApp::start(stack).await;
    let client = app.client();
    for (field, value, part) in [
        ("name", "", "1 to 100"),
        ("name", "   ", "1 to 100"),
        ("email", "", "email address"),
        ("email", "ada", "email address"),
        ("password", "", "at least 8"),
        ("password", "short", "at least 8"),
        ("password_confirmation", "", "not the same"),
        ("password_confirmation", "violet-anchor-93-mapel", "not the same"),
    ] {
        let page = client.post("/register", &valid_form().with(&[(field, value)])).await.expect(422);
        assert_page(&page);
        let message =
            page.field_error(field).unwrap_or_else(|| panic!("{field}={value}: {}", page.summary()));
        assert!(message.contains(part), "{field}={value}: {message}");
        for kept in ["name", "email"].into_iter().filter(|kept| *kept != field) {
            let sent = valid_form().fields.into_iter().find(|(name, _)| name == kept).unwrap().1;
            assert_eq!((page.value_of(kept), page.field_error(kept)), (Some(sent), None), "{field}={value}");
        }
        assert_eq!(page.value_of(field).as_deref(), Some(if field.starts_with("pass") { "" } else { value }));
        assert!(!page.body.contains(STRONG), "a password was sent back");
        assert_eq!(page.set_cookies(), []);
    }
    assert_eq!(app.user_count(), 0);
});

on_both_stacks!(register_existing_email_422_in_any_case, |stack| async {
    let app = TestApp::start(stack).await;
    app.client().post("/register", &valid_form().with(&[])).await.to("/profile");
    for email in ["ada@example.org", "ADA@Example.ORG", " ada@example.org "] {
        let page = app.client().post("/register", &valid_form().with(&[("email", email)])).await.expect(422);
        assert!(page.field_error("email").unwrap().contains("exists already"), "{email}");
        assert_eq!(page.value_of("email").as_deref(), Some(email));
        assert_eq!(page.set_cookies(), []);
    }
    assert_eq!(app.user_count(), 1);
    assert_eq!(app.session_ids().len(), 1);
});

on_both_stacks!(register_race_makes_one_account, |stack| async {
    let app = TestApp::start(stack).await;
    let (one, two, fields) = (app.client(), app.client(), valid_form());
    let fields = fields.with(&[]);
    let (one, two) = tokio::join!(one.post("/register", &fields), two.post("/register", &fields));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!(app.user_count(), 1);
});

on_both_stacks!(register_privileged_field_422, |stack| async {
    let app = TestApp::start(stack).await;
    for field in ["role", "id", "active", "password_hash"] {
        let page = app.client().post("/register", &valid_form().with(&[(field, "admin")])).await.expect(422);
        page.has(&format!("This form has no field “{field}”."));
    }
    assert_eq!(app.user_count(), 0);
});

on_both_stacks!(register_closed_403, |stack| async {
    let app = TestApp::builder(stack).var("REGISTRATION", "closed").start().await;
    let client = app.client();
    let page = client.get("/register").await.expect(200).has("by invitation");
    assert_page(&page);
    assert_eq!(page.forms(), []);
    let page = client.post("/register", &valid_form().with(&[])).await.expect(403).has("by invitation");
    assert_page(&page);
    for path in ["/", "/login"] {
        let links = client.get(path).await.expect(200).attributes("a", "href");
        assert!(!links.iter().any(|href| href.starts_with("/register")), "{path}: {links:?}");
    }
    assert_eq!(app.user_count(), 0);
});

on_both_stacks!(register_again_replaces_session, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let before = client.copy();
    Person::new("Grace Hopper").register(&client).await;
    client.get("/profile").await.expect(200).has("grace.hopper@example.org");
    before.get("/profile").await.to("/login?next=%2Fprofile");
    assert_eq!(app.end_reasons(), ["replaced"]);
});
