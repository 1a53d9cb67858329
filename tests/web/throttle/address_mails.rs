//! Tests the limits of mails that confirm addresses: per account, per address and per network.

use crate::support::{throttling::start, *};

async fn ask(client: &Client, email: &str) -> Answer {
    client.post("/profile/email", &[("email", email), ("current_password", PASSWORD)]).await
}

on_both_stacks!(mails_that_confirm_are_limited_per_account, |stack| async {
    let app = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    for number in 0..5 {
        let _ = ask(&client, &format!("n{number}@example.org")).await.to("/profile");
    }
    let page = ask(&client, "another@example.org").await;
    assert!(page.retry_after() >= 1);
    assert_page(&page.has("Too many mails to confirm this address"));
    for path in ["/profile/email/resend", "/profile/email/confirm"] {
        let page = client.post(path, &[]).await;
        assert!(page.retry_after() >= 1, "{path}");
        assert_page(&page);
    }
    let _ = client.get("/profile").await.expect(200).has("n4@example.org waits");
    let (_, other) = app.person("Bob Bemer").await;
    let _ = ask(&other, "another@example.org").await.to("/profile");
    app.let_waits_pass();
    let _ = ask(&client, "another@example.org").await.to("/profile");
});

on_both_stacks!(mails_that_confirm_are_limited_per_address_and_network, |stack| async {
    let app = start(stack).await;
    let mut clients = Vec::new();
    for number in 0..4_u8 {
        let person = Person::new(&format!("Person {number}"));
        let client = app.client();
        person.register(&client).await;
        clients.push(client.bound_to([127, 0, 0, 10 + number]));
    }
    for client in clients.iter().chain(&clients[..1]) {
        let _ = ask(client, "victim@example.org").await.to("/profile");
    }
    assert!(ask(&clients[1], "victim@example.org").await.retry_after() >= 1);
    let _ = ask(&clients[1], "another@example.org").await.to("/profile");

    let clients: Vec<Client> = clients.into_iter().map(|client| client.bound_to([127, 0, 0, 99])).collect();
    for (number, client) in clients.iter().cycle().take(10).enumerate() {
        let _ = ask(client, &format!("n{number}@example.org")).await.to("/profile");
    }
    let page = ask(&clients[3], "last@example.org").await;
    assert!(page.retry_after() >= 1);
    let _ = page.has("from your network");
    let detail = "10 mails to confirm addresses that were asked for from one network; the next ones wait";
    assert!(app.details_of_events("throttled").contains(&detail.to_owned()));
});

on_both_stacks!(sign_ins_before_the_confirmation_are_limited, |stack| async {
    let app =
        TestApp::builder(stack).var("THROTTLE", "on").var("EMAIL_CONFIRMATION", "required").start().await;
    let ada = Person::new("Ada Lovelace");
    let fields = [
        ("name", &*ada.name),
        ("email", &ada.email),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ];
    let client = app.client();
    let _ = client.post("/register", &fields).await.to("/email/sent");
    let sign_in = async || client.post("/login", &[("email", &ada.email), ("password", PASSWORD)]).await;
    // The mail of the registration counts too.
    for _ in 0..4 {
        let _ = sign_in().await.to("/email/sent");
    }
    let page = sign_in().await;
    assert!(page.retry_after() >= 1);
    assert_page(&page.has("The newest one that has arrived works."));
    let _ = client.post("/login", &[("email", &ada.email), ("password", "wrong")]).await.expect(401);
    assert!(client.post("/register", &fields).await.retry_after() >= 1, "a taken address waits alike");
});
