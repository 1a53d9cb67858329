//! `/register`

use crate::support::*;

const STRONG: &str = PASSWORD;

/// What is typed by somebody who makes no mistake.
fn good() -> Form {
    let fields = [
        ("name", "Ada Lovelace"),
        ("email", "ada@example.org"),
        ("password", STRONG),
        ("password_confirmation", STRONG),
    ];
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Form { action: "/register".to_owned(), fields }
}

on_both_stacks!(a_new_account_is_signed_in, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let page = client.get("/profile").await.expect(200).has(&ada.email).has("Your account is ready");
    assert_page(&page);
    client.get("/profile").await.expect(200).lacks("Your account is ready");
    assert_eq!(app.users(), [["Ada Lovelace", "ada.lovelace@example.org", "user"]]);
});

on_both_stacks!(a_new_account_goes_where_it_wanted_to, |stack| async {
    let app = TestApp::start(stack).await;
    let client = app.client();
    let page = client.get("/register?next=%2Fsessions%3Fa%3Db").await.expect(200);
    assert_page(&page);
    let form = page.form("/register");
    let sent = form.with(&good().with(&[])).into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let sent = Form { action: String::new(), fields: sent };
    client.post("/register", &sent.with(&[])).await.to("/sessions?a=b");

    let elsewhere = app.client();
    let fields = good();
    let fields = fields.with(&[("email", "bob@example.org"), ("next", "//evil.example/")]);
    elsewhere.post("/register", &fields).await.to("/profile");
});

on_both_stacks!(a_mistake_is_told_beside_its_field_and_what_was_typed_is_kept, |stack| async {
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
        let page = client.post("/register", &good().with(&[(field, value)])).await.expect(422);
        assert_page(&page);
        let message =
            page.field_error(field).unwrap_or_else(|| panic!("{field}={value}: {}", page.summary()));
        assert!(message.contains(part), "{field}={value}: {message}");
        for kept in ["name", "email"].into_iter().filter(|kept| *kept != field) {
            let sent = good().fields.into_iter().find(|(name, _)| name == kept).unwrap().1;
            assert_eq!((page.value_of(kept), page.field_error(kept)), (Some(sent), None), "{field}={value}");
        }
        assert_eq!(page.value_of(field).as_deref(), Some(if field.starts_with("pass") { "" } else { value }));
        assert!(!page.body.contains(STRONG), "a password was sent back");
        assert_eq!(page.set_cookies(), []);
    }
    assert_eq!(app.user_count(), 0);
});

on_both_stacks!(a_taken_address_says_so_in_whatever_case_it_is_typed, |stack| async {
    let app = TestApp::start(stack).await;
    app.client().post("/register", &good().with(&[])).await.to("/profile");
    for email in ["ada@example.org", "ADA@Example.ORG", " ada@example.org "] {
        let page = app.client().post("/register", &good().with(&[("email", email)])).await.expect(422);
        assert!(page.field_error("email").unwrap().contains("exists already"), "{email}");
        assert_eq!(page.value_of("email").as_deref(), Some(email));
        assert_eq!(page.set_cookies(), []);
    }
    assert_eq!(app.user_count(), 1);
    assert_eq!(app.session_ids().len(), 1);
});

on_both_stacks!(two_registrations_of_one_address_at_once_make_one_account, |stack| async {
    let app = TestApp::start(stack).await;
    let (one, two, fields) = (app.client(), app.client(), good());
    let fields = fields.with(&[]);
    let (one, two) = tokio::join!(one.post("/register", &fields), two.post("/register", &fields));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!(app.user_count(), 1);
});

on_both_stacks!(nobody_registers_as_an_administrator, |stack| async {
    let app = TestApp::start(stack).await;
    for field in ["role", "id", "active", "password_hash"] {
        let page = app.client().post("/register", &good().with(&[(field, "admin")])).await.expect(422);
        page.has(&format!("This form has no field “{field}”."));
    }
    assert_eq!(app.user_count(), 0);
});

on_both_stacks!(a_closed_registration_makes_no_accounts, |stack| async {
    let app = TestApp::builder(stack).var("REGISTRATION", "closed").start().await;
    let client = app.client();
    let page = client.get("/register").await.expect(200).has("by invitation");
    assert_page(&page);
    assert_eq!(page.forms(), []);
    let page = client.post("/register", &good().with(&[])).await.expect(403).has("by invitation");
    assert_page(&page);
    for path in ["/", "/login"] {
        let links = client.get(path).await.expect(200).attributes("a", "href");
        assert!(!links.iter().any(|href| href.starts_with("/register")), "{path}: {links:?}");
    }
    assert_eq!(app.user_count(), 0);
});

on_both_stacks!(a_browser_that_registers_again_leaves_its_session_behind, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let before = client.copy();
    Person::new("Grace Hopper").register(&client).await;
    client.get("/profile").await.expect(200).has("grace.hopper@example.org");
    before.get("/profile").await.to("/login?next=%2Fprofile");
    assert_eq!(app.end_reasons(), ["replaced"]);
});
