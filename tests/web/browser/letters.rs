//! Opens each letter in Chromium as a program that shows mail does, wide and narrow, light and dark: nothing is loaded, nothing
//! scrolls sideways, and a screenshot of each is saved beside those of the pages; the text part lies there too.

use std::fs;

use serde_json::Value;

use super::screenshots::{folder, screenshot};
use crate::support::{
    admin_pages::{any_token_of, token_of},
    smtp::{Mail, SmtpServer},
    *,
};

/// One letter of each kind, with its name.
async fn letters(app: &TestApp, smtp: &SmtpServer) -> Vec<(&'static str, Mail)> {
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let fields = [("name", "ليلى بن علي"), ("email", "layla@example.org"), ("role", "user")];
    let _ = admin.post("/admin/users", &fields).await.expect(201);
    let invitation = smtp.wait_for(1).await.pop().unwrap();
    let _ = admin.post(&format!("{}/send-reset", app.admin_path(&ada)), &[]).await.expect(200);
    let by_administrator = smtp.wait_for(2).await.pop().unwrap();
    let _ = app.client().post("/password/forgot", &[("email", &ada.email)]).await.to("/login");
    let forgotten = smtp.wait_for(3).await.pop().unwrap();
    let token = token_of(&forgotten.link());
    let password = "copper-lantern-17-orchid";
    let fields = [("token", &*token), ("password", password), ("password_confirmation", password)];
    let _ = app.client().post("/password/reset", &fields).await.to("/login");
    let replaced = smtp.wait_for(4).await.pop().unwrap();
    let bob = Person::new("Bob Bemer");
    let client = app.client();
    bob.register(&client).await;
    bob.sign_in(&app.client().user_agent("curl/8.14.1")).await;
    let new_browser = smtp.wait_for(5).await.pop().unwrap();
    let fields =
        [("current_password", PASSWORD), ("password", password), ("password_confirmation", password)];
    let _ = client.post("/profile/password", &fields).await.to("/profile");
    let changed = smtp.wait_for(6).await.pop().unwrap();
    let _ = admin.post(&format!("{}/role", app.admin_path(&bob)), &[("role", "admin")]).await.expect(303);
    let administrator = smtp.wait_for(7).await.pop().unwrap();
    let _ = client.post("/profile/delete", &[("current_password", password)]).await.to("/");
    let deleted = smtp.wait_for(8).await.pop().unwrap();
    let mut letters = address_letters(app, smtp).await;
    letters.extend([
        ("new-browser", new_browser),
        ("password-changed", changed),
        ("new-administrator", administrator),
        ("account-deleted", deleted),
        ("invitation", invitation),
        ("new-password", by_administrator),
        ("forgotten-password", forgotten),
        ("password-replaced", replaced),
    ]);
    letters
}

/// The letters about addresses.
async fn address_letters(app: &TestApp, smtp: &SmtpServer) -> Vec<(&'static str, Mail)> {
    let (bob, client) = app.person("Bob Bemer").await;
    let (eve, _) = app.person("Eve Ernst").await;
    let new = "bob@bücher.example";
    for email in [&*eve.email, new] {
        let fields = [("email", email), ("current_password", PASSWORD)];
        let _ = client.post("/profile/email", &fields).await.to("/profile");
    }
    let confirm_new = smtp.mail_to("bob@xn--bcher-kva.example", "Confirm your new address", 1).await;
    let fields = [("token", &*any_token_of(&confirm_new.link()))];
    let _ = client.post("/email/confirm", &fields).await.to("/profile");
    let changed = smtp.mail_to(&bob.email, "The address of your account", 1).await;
    let fields = [("email", &*bob.email), ("current_password", PASSWORD)];
    let (_, other) = app.person("Frank Forth").await;
    let _ = other.post("/profile/email", &fields).await.to("/profile");
    let _ = client.post("/email/undo", &[("token", &*any_token_of(&changed.link()))]).await.expect(303);
    vec![
        ("confirm-address", smtp.mail_to(&bob.email, "Confirm your address", 1).await),
        ("confirm-new-address", confirm_new),
        ("address-changed", changed),
        ("address-given-back", smtp.mail_to("bob@xn--bcher-kva.example", "was undone", 1).await),
        ("address-tried", smtp.mail_to(&eve.email, "There is an account", 1).await),
        ("address-kept", smtp.mail_to(&bob.email, "is kept", 1).await),
    ]
}

#[actix_web::test]
async fn letters_fit_and_load_nothing() {
    let smtp = SmtpServer::start_own();
    let builder = TestApp::builder(Stack::Sqlite).var("SMTP_URL", smtp.url()).var("NOTICES", "on");
    let app = builder.var("BASE_URL", "https://login.example.org").start().await;
    let letters = letters(&app, &smtp).await;
    let files = tempfile::TempDir::new().unwrap();
    for (variant, builder) in Browser::looks(&app) {
        let browser = builder.open().await;
        for (name, mail) in &letters {
            let path = files.path().join(format!("{name}.html"));
            fs::write(&path, &mail.html).unwrap();
            browser.client().goto(&format!("file://{}", path.display())).await.unwrap();
            screenshot(&browser, &format!("mail-{name}-{variant}")).await;
            fs::write(folder().join(format!("mail-{name}.txt")), &mail.text).unwrap();
            let measures = "return [document.documentElement.scrollWidth - document.documentElement.clientWidth, \
                            performance.getEntriesByType('resource').length, document.querySelectorAll('a.button').length]";
            let found = browser.evaluate(measures).await;
            let buttons =
                i32::from(!matches!(*name, "account-deleted" | "address-given-back" | "address-kept"));
            assert_eq!(found, Value::from(vec![0, 0, buttons]), "{name}, {variant}");
        }
    }
}
