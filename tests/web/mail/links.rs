//! Tests what the links of all kinds have in common: their time ends, and they belong to one account, whoever opens them.

use crate::support::{
    admin_pages::any_token_of,
    smtp::{Mail, SmtpServer},
    *,
};

const NEW: &str = "copper-lantern-17-orchid";

async fn start(stack: Stack) -> (SmtpServer, TestApp) {
    let smtp = SmtpServer::start_own();
    let app = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start().await;
    (smtp, app)
}

/// Sends the form of the page behind a link.
async fn send(client: &Client, path: &str, token: &str) -> Answer {
    let fields = [("token", token), ("password", NEW), ("password_confirmation", NEW)];
    let count = if path == "/password/reset" { 3 } else { 1 };
    client.post(path, &fields[..count]).await
}

on_both_stacks!(links_whose_time_is_over_change_nothing, |stack| async {
    let (_smtp, app) = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let fields = [("email", "new@example.org"), ("current_password", PASSWORD)];
    let _ = client.post("/profile/email", &fields).await.to("/profile");
    app.insert_address_token("confirm", &ada, &ada.email, "own");
    app.insert_address_token("confirm", &ada, "new@example.org", "new");
    app.insert_address_token("undo", &ada, "former@example.org", "undo");
    app.insert_token("reset", &ada, &gatehouse::crypto::sha256_hex("reset"));
    let links = [
        ("/email/confirm", "own"),
        ("/email/confirm", "new"),
        ("/email/undo", "undo"),
        ("/password/reset", "reset"),
    ];
    for (path, token) in links {
        let _ = client.get(&format!("{path}?token={token}")).await.expect(200);
    }
    app.expire_tokens();
    let before = app.written();
    for (path, token) in links {
        let page = client.get(&format!("{path}?token={token}")).await.expect(404);
        assert_page(&page.has("This link does not work").has("its time is over"));
        assert_page(&send(&client, path, token).await.expect(422).has("This link does not work"));
    }
    assert_eq!(app.written(), before);
    assert!(signed_in(&client).await);
});

on_both_stacks!(links_opened_by_somebody_else_are_about_their_own_account, |stack| async {
    let (smtp, app) = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (bob, bobs) = app.person("Bob Bemer").await;
    let bobs_hash = app.password_hash_of(&bob.email);
    let token = |mail: Mail| any_token_of(&mail.link());
    // Bob has Ada's links, and is signed in as himself.
    let confirm = token(smtp.mail_to(&ada.email, "Confirm your address", 1).await);
    let _ = send(&bobs, "/email/confirm", &confirm).await.expect(303);
    let _ = bobs.get("/profile").await.expect(200).has("Not confirmed").has(&bob.email);
    let client = app.client();
    ada.sign_in(&client).await;
    let _ = client.get("/profile").await.expect(200).lacks("Not confirmed");

    let _ = bobs.post("/password/forgot", &[("email", &ada.email)]).await.expect(303);
    let reset = token(smtp.mail_to(&ada.email, "A new password", 1).await);
    let page = bobs.get(&format!("/password/reset?token={reset}")).await.expect(200);
    let _ = page.has(&ada.email);
    let _ = send(&bobs, "/password/reset", &reset).await.to("/login");
    assert!(signed_in(&bobs).await && !signed_in(&client).await);
    assert_eq!(app.password_hash_of(&bob.email), bobs_hash);
    let _ = bobs.get("/profile").await.expect(200).has("Not confirmed").has(&bob.email);
});
