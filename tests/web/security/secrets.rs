//! Tests that the log of the real program contains no password, key, hash or token.

use crate::support::{
    admin_pages::{link_on, token_of},
    *,
};

const NEW: &str = "copper-lantern-17-orchid";
const CHOSEN: &str = "quartz-harbor-58-otter";

/// What the application must not log, and what the test needs to compare it with the log.
struct Secrets {
    setup_token: String,
    link_token: String,
    session_cookies: Vec<String>,
    stored: Vec<String>,
}

/// The token of the setup link, which the program prints.
async fn printed_setup_token(program: &Program) -> String {
    let output = || async { program.output().split("/setup?token=").nth(1).map(str::to_owned) };
    let printed = eventually(output).await;
    printed.split_whitespace().next().unwrap().to_owned()
}

/// Sends passwords, tokens and forged values to every part of the application that reads them.
async fn use_secrets(program: &Program) -> Secrets {
    let ada = Person::new("Ada Lovelace");
    let (client, other) = (program.client(), program.client());
    let setup_token = printed_setup_token(program).await;
    let fields = [
        ("token", setup_token.as_str()),
        ("name", &ada.name),
        ("email", &ada.email),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ];
    client.post("/setup", &fields).await.to("/admin/sessions");
    let mut cookies = client.cookies();
    ada.sign_in_remembered(&other).await;
    cookies.extend(other.cookies());
    other.post("/login", &[("email", &ada.email), ("password", "mistaken-secret-55")]).await.expect(401);
    // Users sometimes type a password into the email field.
    other.post("/login", &[("email", "hunter2@secret.example"), ("password", "x")]).await.expect(401);
    let change = [("current_password", PASSWORD), ("password", NEW), ("password_confirmation", NEW)];
    client.post("/profile/password", &change).await.to("/profile");
    cookies.extend(client.cookies());
    client.get(&format!("/setup?token={setup_token}")).await.to("/login");
    let link_token = invite_and_reset(&client, &other).await;
    for (password, status) in [("mistaken-secret-55", 422), (NEW, 303)] {
        client.post("/confirm-password", &[("password", password)]).await.expect(status);
    }
    cookies.extend(client.cookies());
    let forged = program.client();
    forged.set_cookie("gatehouse", "forged-cookie-value");
    forged.get("/profile").await.expect(303);
    client.get("/profile?next=%0d%0aFORGED+LINE").await.expect(200);
    client.get("/%0aFORGED%20LINE").await.expect(404);
    let stored = [program.password_hashes(), program.store_keys()].concat();
    client.post("/logout", &[]).await.to("/");
    let cookies = cookies.into_iter().filter(|cookie| cookie.name == "gatehouse");
    Secrets { setup_token, link_token, session_cookies: cookies.map(|cookie| cookie.value).collect(), stored }
}

/// Invites a user, who chooses a password; returns the token of the link.
async fn invite_and_reset(admin: &Client, visitor: &Client) -> String {
    let invitation = [("name", "Eve"), ("email", "eve@example.org"), ("role", "user")];
    let link = link_on(&admin.post("/admin/users", &invitation).await.expect(201));
    admin.post("/admin/users/2/deactivate", &[]).await.to("/admin/users/2");
    admin.get(&link).await.expect(404);
    admin.post("/admin/users/2/activate", &[]).await.to("/admin/users/2");
    admin.get(&link).await.expect(404);
    let link = link_on(&admin.post("/admin/users/2/send-reset", &[]).await.expect(200));
    let token = token_of(&link);
    for (password, status) in [("mistyped-lantern-17", 422), (CHOSEN, 303), (CHOSEN, 422)] {
        let fields = [("token", &*token), ("password", password), ("password_confirmation", CHOSEN)];
        visitor.post("/password/reset", &fields).await.expect(status);
    }
    token
}

on_both_stacks!(log_contains_no_secrets, |stack| async {
    let mut program = TestApp::builder(stack).var("RUST_LOG", "debug").not_set_up().start_program();
    let secrets = use_secrets(&program).await;
    program.terminate();

    let log = program.output();
    for kind in [
        "administrator_made",
        "signed_in",
        "sign_in_failed",
        "password_changed",
        "session_ended",
        "invited",
        "password_reset",
    ] {
        assert!(log.contains(kind), "{kind} is not in the log:\n{log}");
    }
    let printed = log.matches(&secrets.setup_token).count();
    assert_eq!(printed, 1, "the token is printed once, with the link:\n{log}");
    assert!(!log.contains(&secrets.link_token), "the token of a reset link is in the log:\n{log}");
    assert!(secrets.session_cookies.len() >= 3, "{:?}", secrets.session_cookies);
    let typed = [
        PASSWORD,
        NEW,
        CHOSEN,
        "mistyped-lantern",
        "mistaken-secret",
        "hunter2",
        "forged-cookie-value",
        "$argon2",
    ];
    let typed = typed.map(str::to_owned).to_vec();
    for secret in [secrets.session_cookies, secrets.stored, typed].concat() {
        assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
    }
    assert!(!log.lines().any(|line| line.starts_with("FORGED")), "{log}");
});
