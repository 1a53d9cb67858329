//! Tests that the log of the real program contains no password, key, hash or token.

use crate::support::{
    admin_pages::{link_on, token_of},
    *,
};

const NEW: &str = "copper-lantern-17-orchid";
const CHOSEN: &str = "quartz-harbor-58-otter";

on_both_stacks!(log_contains_no_secrets, |stack| async {
    let mut program = TestApp::builder(stack).var("RUST_LOG", "debug").start_program();
    let ada = Person::new("Ada Lovelace");
    let (client, other) = (program.client(), program.client());
    let printed =
        eventually(|| async { program.output().split("/setup?token=").nth(1).map(str::to_owned) }).await;
    let token = printed.split_whitespace().next().unwrap().to_owned();
    let fields = [
        ("token", token.as_str()),
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
    client.get(&format!("/setup?token={token}")).await.expect(404);
    let invitation = [("name", "Eve"), ("email", "eve@example.org"), ("role", "user")];
    let link = link_on(&client.post("/admin/users", &invitation).await.expect(201));
    client.post("/admin/users/2/deactivate", &[]).await.to("/admin/users/2");
    client.get(&link).await.expect(404);
    client.post("/admin/users/2/activate", &[]).await.to("/admin/users/2");
    client.get(&link).await.expect(200);
    let choice = |password| {
        [("token", token_of(&link)), ("password", password), ("password_confirmation", CHOSEN.to_owned())]
    };
    for (password, status) in [("mistyped-lantern-17", 422), (CHOSEN, 303), (CHOSEN, 422)] {
        let fields = choice(password.to_owned());
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        other.post("/password/reset", &fields).await.expect(status);
    }
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
    assert_eq!(log.matches(&token).count(), 1, "the token is printed once, with the link:\n{log}");
    assert!(!log.contains(&token_of(&link)), "the token of a reset link is in the log:\n{log}");
    let mut secrets: Vec<String> =
        cookies.iter().filter(|cookie| cookie.name == "gatehouse").map(|c| c.value.clone()).collect();
    assert!(secrets.len() >= 3, "{cookies:?}");
    secrets.extend(stored);
    secrets.extend(
        [
            PASSWORD,
            NEW,
            CHOSEN,
            "mistyped-lantern",
            "mistaken-secret",
            "hunter2",
            "forged-cookie-value",
            "$argon2",
        ]
        .map(str::to_owned),
    );
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
    }
    assert!(!log.lines().any(|line| line.starts_with("FORGED")), "{log}");
});
