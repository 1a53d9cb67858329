//! Tests unusual addresses at every form that takes one: accepted or refused as browsers' `type=email` and RFC 5321 say, with the
//! message of the field.

use crate::support::*;

/// An address with so many characters.
fn long(local: usize, domain: usize) -> String {
    let label = "d".repeat(60);
    let mut name = std::iter::repeat_n(label, domain / 61).collect::<Vec<_>>().join(".");
    name.push('.');
    name.push_str(&"e".repeat(domain - name.len()));
    format!("{}@{name}", "a".repeat(local))
}

fn refused() -> Vec<String> {
    let text = [
        "two@at@example.org",
        "\"quoted local\"@example.org",
        "\"quoted\"@example.org",
        "grace@example.org.",
        "grace@.example.org",
        "😀@example.org",
        "дом@example.org",
        "gr\u{202e}ace@example.org",
        "grace@ex\u{202e}ample.org",
        "grace@אa.example",
        "grace@example..org",
        "grace",
        "grace@",
        "@example.org",
        "Grace <grace@example.org>",
        "grace@example.org, ada@example.org",
        "grace@[256.0.0.1]",
        "grace @example.org",
    ];
    // Of 255 characters, one too many, and of 320.
    let long = [long(64, 255 - 65), long(64, 320 - 65), long(65, 60), "a".repeat(320)];
    text.into_iter().map(str::to_owned).chain(long).collect()
}

fn accepted() -> Vec<String> {
    let text = [
        "o'neil+{tag}@example.org",
        "a..b.@example.org",
        "grace@😀.example",
        "grace@דוגמה.example",
        "grace@localhost",
        "grace@[192.0.2.7]",
        "grace@xn--bcher-kva.example",
    ];
    text.into_iter().map(str::to_owned).chain([long(64, 254 - 65)]).collect()
}

/// Sends an address with each form; returns path and response.
async fn send(app: &TestApp, user: &Client, admin: &Client, email: &str) -> Vec<(&'static str, Answer)> {
    let new =
        [("name", "Nova"), ("email", email), ("password", PASSWORD), ("password_confirmation", PASSWORD)];
    let change = [("email", email), ("current_password", PASSWORD)];
    let invitation = [("name", "Nova"), ("email", email), ("role", "user")];
    vec![
        ("/password/forgot", app.client().post("/password/forgot", &[("email", email)]).await),
        ("/profile/email", user.post("/profile/email", &change).await),
        ("/register", app.client().post("/register", &new).await),
        ("/admin/users", admin.post("/admin/users", &invitation).await),
    ]
}

on_both_stacks!(address_shapes_refused_with_the_message_of_the_field, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, user) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Root Admin").await;
    let _ = admin.post("/confirm-password", &[("password", PASSWORD)]).await;
    let before = app.written();
    for email in refused() {
        for (path, page) in send(&app, &user, &admin, &email).await {
            assert_eq!(page.status, 422, "{path} {email:?}: {}", page.summary());
            assert_page(&page);
            let message = page.field_error("email").unwrap_or_else(|| panic!("{path} {email:?}"));
            assert!(message.contains("name@example.org"), "{path} {email:?}: {message}");
            assert_eq!(page.value_of("email").as_ref(), Some(&email), "{path} {email:?}");
        }
    }
    assert_eq!(app.written(), before);
});

on_both_stacks!(address_shapes_accepted_and_shown_as_typed, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, user) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Root Admin").await;
    let _ = admin.post("/confirm-password", &[("password", PASSWORD)]).await;
    for email in accepted() {
        let answers = send(&app, &user, &admin, &email).await;
        let statuses: Vec<u16> = answers.iter().map(|(_, answer)| answer.status).collect();
        // The invitation finds the account that was just made.
        assert_eq!(statuses, [303, 303, 303, 422], "{email:?}");
        let shown = if email.contains("xn--") { "grace@bücher.example" } else { &email };
        let _ = user.get("/profile").await.expect(200).has(&format!("{shown} waits to be confirmed"));
        let person = Person { email: email.to_uppercase(), ..Person::new("Nova") };
        let client = app.client();
        let _ = person.sign_in(&client).await;
        let page = client.get("/profile").await.expect(200);
        assert_page(&page.has(shown));
    }
});
