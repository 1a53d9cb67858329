//! Tests email addresses: all forms of one address are one account, and no account from before is lost.

use crate::support::*;

/// The forms in which browsers and input methods send one address.
const FORMS: [&str; 6] = [
    "grace@bücher.example",
    "grace@xn--bcher-kva.example",
    "Grace@BÜCHER.example",
    "grace@bu\u{308}cher.example",
    "ｇｒａｃｅ@bücher。example",
    "grace@bü\u{ad}cher.example",
];

fn grace(email: &str) -> Person {
    Person { email: email.to_owned(), ..Person::new("Grace Hopper") }
}

async fn register(app: &TestApp, person: &Person) -> Answer {
    let fields = [
        ("name", &*person.name),
        ("email", &person.email),
        ("password", &person.password),
        ("password_confirmation", &person.password),
    ];
    app.client().post("/register", &fields).await
}

on_both_stacks!(address_forms_are_one_account, |stack| async {
    for registered in &FORMS[..2] {
        let app = TestApp::start(stack).await;
        let _ = grace(registered).register(&app.client()).await;
        for form in FORMS {
            let client = app.client();
            let _ = grace(form).sign_in(&client).await;
            client.get("/profile").await.expect(200).has("race@bücher.example");
            let again = register(&app, &grace(form)).await.expect(422);
            assert!(again.text().contains("exists already"), "{form}: {}", again.summary());
        }
        assert_eq!(app.user_count(), 1);
    }
});

on_both_stacks!(address_found_by_every_form_in_lists, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Ada Lovelace").await;
    let _ = grace(FORMS[1]).register(&app.client()).await;
    for query in ["bücher", "BÜCHER.example", "xn--bcher", "grace@bücher.example"] {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        for list in ["/admin/users", "/admin/sessions"] {
            let page = admin.get(&format!("{list}?q={query}")).await.expect(200);
            assert_eq!(page.texts("table .email"), [FORMS[0]], "{list} {query}");
        }
    }
});

on_both_stacks!(address_with_invisible_or_impossible_parts_refused, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Ada Lovelace").await;
    let _ = admin.post("/confirm-password", &[("password", PASSWORD)]).await;
    for email in [
        "gra\u{200b}ce@example.org",
        "gra\u{ad}ce@example.org",
        "gr\u{430}ce@example.org",
        "grace@xn--a.example",
        "grace@exam\u{202e}ple.org",
        "grace@-example.org",
    ] {
        let refused = register(&app, &grace(email)).await.expect(422);
        assert!(refused.field_error("email").is_some(), "{email:?}");
        let fields = [("name", "Grace"), ("email", email), ("role", "user")];
        let refused = admin.post("/admin/users", &fields).await.expect(422);
        assert!(refused.field_error("email").is_some(), "{email:?}");
        let arguments = ["user", "create", "--email", email, "--name", "Grace", "--password-stdin"];
        assert!(Program::run(&arguments, &app.command_vars(), PASSWORD).failed().starts_with("--email: "));
    }
    assert_eq!(app.user_count(), 1);
});

on_both_stacks!(accounts_with_forms_of_one_address_keep_working, |stack| async {
    let mut app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Ada Lovelace").await;
    // As earlier versions made them: each with a password of its own.
    let forms = ["eve@exam\u{ad}ple.net", "eve@ｅxample.net", "bob@BÜCHER.example", "odd@xn--a.example"];
    let mut people = Vec::new();
    for (number, form) in forms.iter().enumerate() {
        let person = Person {
            password: format!("violet-anchor-{number}-maple"),
            ..Person::new(&format!("Person {number}"))
        };
        let _ = person.register(&app.client()).await;
        app.make_address_of_before(&person, form);
        people.push(Person { email: (*form).to_owned(), ..person });
    }
    app.restart().await;
    for person in &people {
        let _ = person.sign_in(&app.client()).await;
    }
    let [first, second, bob, _] = &people[..] else { panic!("four") };
    // The older account has the address in every other form too.
    let _ = Person { email: "eve@example.net".into(), ..first.clone() }.sign_in(&app.client()).await;
    let _ = Person { email: "bob@xn--bcher-kva.example".into(), ..bob.clone() }.sign_in(&app.client()).await;
    assert!(register(&app, &grace("eve@EXAMPLE.net")).await.expect(422).text().contains("exists already"));

    let holder = app.user_id("eve@example.net");
    let list = admin.get("/admin/users?q=eve%40example.net").await.expect(200);
    assert_eq!(list.texts("table .tag.ended"), [format!("Same address as user {holder}")]);
    let page = admin.get(&format!("/admin/users/{}", app.user_id(second))).await.expect(200);
    page.has("Another form of the address of");
    let told = Program::run(&["migrate"], &app.command_vars(), "").done();
    assert!(told.contains(&format!("has the address of user {holder}")), "{told}");
    let listed = Program::run(&["user", "list", "--q", "Person 1"], &app.command_vars(), "").done();
    assert!(listed.contains(&format!("same address as user {holder}")), "{listed}");

    // Once the older account is gone, the next start gives its key to the other one.
    app.delete_user("eve@example.net");
    app.restart().await;
    let _ = Person { email: "EVE@example.net".into(), ..second.clone() }.sign_in(&app.client()).await;
    let _ = second.sign_in(&app.client()).await;
});
