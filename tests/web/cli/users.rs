//! Tests `gatehouse user …`: effects, output and exit status.

use crate::support::{admin_pages::token_of, *};

const NEW: &str = "copper-lantern-17-orchid";

fn user(app: &TestApp, arguments: &[&str], stdin: &str) -> Finished {
    Program::run(&[&["user"], arguments].concat(), &app.command_vars(), stdin)
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.client().post("/login", &[("email", email), ("password", password)]).await
}

on_both_stacks!(cli_user_list_filters_as_admin_page, |stack| async {
    let app = TestApp::start(stack).await;
    let _ = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let evil = Person { name: "Eve \u{1b}[31m\u{9b}x".to_owned(), ..Person::new("Eve") };
    app.rename_user(&ada, &evil.name);
    let listed = user(&app, &["list"], "").done();
    assert!(listed.contains("2 accounts.") && listed.contains("admin  active  1 "), "{listed}");
    assert!(!listed.contains('\u{1b}') && !listed.contains('\u{9b}'), "{listed:?}");
    let lines: Vec<serde_json::Value> =
        user(&app, &["list", "--json", "--role", "user", "--q", "ADA.love"], "")
            .done()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["email"], "ada.lovelace@example.org");
    assert_eq!((&lines[0]["state"], &lines[0]["active_sessions"]), (&"active".into(), &1.into()));
    assert!(user(&app, &["list", "--state", "deactivated"], "").done().contains("0 accounts."));
    assert!(user(&app, &["list", "--second-factor", "yes"], "").done().contains("0 accounts."));
    for wrong in [["--state", "gone"], ["--role", "root"], ["--second-factor", "maybe"]] {
        let message = user(&app, &[&["list"], &wrong[..]].concat(), "").failed();
        assert!(message.starts_with(wrong[0]) && message.lines().count() == 1, "{message}");
    }
});

on_both_stacks!(cli_user_changes_role_and_state, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    assert!(user(&app, &["set-role", "ADA.lovelace@example.org", "admin"], "").done().contains("now admin"));
    let _ = client.get("/admin/sessions").await.expect(200);
    assert!(user(&app, &["set-role", &ada.email, "admin"], "").done().contains("so already"));

    let id = app.session_of(&ada);
    assert!(user(&app, &["deactivate", &ada.email], "").done().contains("1 session ended."));
    assert!(!signed_in(&client).await);
    assert_eq!(app.end_reason(&id).as_deref(), Some("user_deactivated"));
    if app.backend() == Backend::Redis {
        assert_eq!(app.redis().keys().len(), 1);
    }
    let refused = user(&app, &["deactivate", &grace.email], "").failed();
    assert!(refused.contains("only active administrator") && refused.lines().count() == 1, "{refused}");
    assert!(
        user(&app, &["set-role", &grace.email, "user"], "").failed().contains("only active administrator")
    );
    let _ = admin.get("/admin/sessions").await.expect(200);
    assert!(user(&app, &["reset-password", &ada.email], "").failed().contains("activate it first"));
    let _ = user(&app, &["activate", &ada.email], "").done();
    let _ = sign_in(&app, &ada.email, PASSWORD).await.to("/profile");

    for arguments in [
        vec!["deactivate", "nobody@example.org"],
        vec!["activate", "nobody@example.org"],
        vec!["set-role", "nobody@example.org", "user"],
        vec!["reset-password", "nobody@example.org"],
        vec!["set-role", &ada.email, "root"],
    ] {
        let message = user(&app, &arguments, "").failed();
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let expected =
        [("role_changed", "admin"), ("deactivated", "command line"), ("activated", "command line")];
    let expected = expected.map(|(kind, detail)| (kind.to_owned(), None, Some(detail.to_owned())));
    assert_eq!(app.events_of_kinds(&["role_changed", "deactivated", "activated"]), expected);
});

on_both_stacks!(cli_user_reset_password_by_link_or_stdin, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let link = user(&app, &["reset-password", &ada.email], "").done();
    assert!(
        link.starts_with("http://localhost:3000/password/reset?token=") && link.lines().count() == 1,
        "{link}"
    );
    let token = token_of(link.trim());
    assert!(signed_in(&client).await);
    let fields = [("token", &*token), ("password", NEW), ("password_confirmation", NEW)];
    let _ = app.client().post("/password/reset", &fields).await.to("/login");
    assert!(!signed_in(&client).await);
    let _ = Person { password: NEW.to_owned(), ..ada.clone() }.sign_in(&client).await;

    let weak = user(&app, &["reset-password", &ada.email, "--password-stdin"], "short\n").failed();
    assert!(weak.contains("at least 8"), "{weak}");
    assert!(signed_in(&client).await);
    let output =
        user(&app, &["reset-password", &ada.email, "--password-stdin"], &format!("{PASSWORD}\n")).done();
    assert!(output.contains("1 session ended.") && !output.contains(PASSWORD), "{output}");
    assert!(!signed_in(&client).await);
    let _ = sign_in(&app, &ada.email, NEW).await.expect(401);
    let _ = sign_in(&app, &ada.email, PASSWORD).await.to("/profile");
});

on_both_stacks!(cli_password_from_stdin_can_be_typed, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let reset = |stdin: &str| user(&app, &["reset-password", &ada.email, "--password-stdin"], stdin);
    for (number, (before, after)) in
        [("\u{feff}", "\n"), ("", "\n\n\n"), ("\u{feff}", "\r\n\r\n"), ("", "\r\n"), ("", "")]
            .iter()
            .enumerate()
    {
        let password = format!("{NEW}-{number}");
        let _ = reset(&format!("{before}{password}{after}")).done();
        let _ = sign_in(&app, &ada.email, &password).await.to("/profile");
    }
    let with_more = reset(&format!("{NEW}\nand a second line\n"));
    assert!(with_more.status.success() && with_more.stderr.contains("Only the first line"), "{with_more:?}");
    for unfit in
        ["", "\n", "\r\n", "\u{feff}\n", &format!("\n{NEW}\n"), &format!("{NEW}\u{1b}"), &format!("a\t{NEW}")]
    {
        let message = reset(unfit).failed();
        assert!(
            message.starts_with("the password: ") && message.lines().count() == 1,
            "{unfit:?}: {message}"
        );
    }
    let _ = sign_in(&app, &ada.email, NEW).await.to("/profile");
});
