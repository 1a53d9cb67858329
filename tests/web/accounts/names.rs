//! Tests which names and reasons are taken, and how those from before are shown.

use crate::support::*;

/// Texts that can't be seen or that turn the direction of what follows them.
const REFUSED: [&str; 12] = [
    "\u{200b}",
    "\u{2800}",
    "\u{3164}",
    "\u{ad}",
    "\u{e0041}\u{e0042}",
    "\u{202e}",
    "\u{115f}\u{1160}",
    "\u{ffa0}",
    "Ada\u{202e}ecalevoL",
    "Ada\u{200d}",
    "Ada\u{e000}",
    "\u{feff}Ada",
];

/// Names of people, some of which need joiners.
const TAKEN: [&str; 4] = ["می\u{200c}خواهم", "क्\u{200d}ष", "李小龍", "e\u{301}mile"];

on_both_stacks!(name_invisible_or_turning_refused, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, admin) = app.admin("Ada Lovelace").await;
    let _ = admin.post("/confirm-password", &[("password", PASSWORD)]).await;
    for name in REFUSED {
        let refused = admin.post("/profile", &[("name", name)]).await.expect(422);
        assert!(refused.field_error("name").is_some(), "{name:?}");
        let fields = [
            ("name", name),
            ("email", "new@example.org"),
            ("password", PASSWORD),
            ("password_confirmation", PASSWORD),
        ];
        let refused = app.client().post("/register", &fields).await.expect(422);
        assert!(refused.field_error("name").is_some(), "{name:?}");
        let fields = [("name", name), ("email", "new@example.org"), ("role", "user")];
        let refused = admin.post("/admin/users", &fields).await.expect(422);
        assert!(refused.field_error("name").is_some(), "{name:?}");
        let arguments = ["user", "create", "--email", "new@example.org", "--name", name, "--password-stdin"];
        assert!(Program::run(&arguments, &app.command_vars(), PASSWORD).failed().starts_with("--name: "));
    }
    assert_eq!((app.user_count(), app.name_of(&ada)), (1, ada.name.clone()));
    for name in TAKEN {
        let _ = admin.post("/profile", &[("name", name)]).await.to("/profile");
        assert_eq!(app.name_of(&ada), name);
    }
});

on_both_stacks!(reason_invisible_or_turning_refused, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let _ = admin.post("/confirm-password", &[("password", PASSWORD)]).await;
    let session = app.session_of(&ada);
    for reason in REFUSED {
        for path in [
            format!("/admin/sessions/{session}/end"),
            format!("/admin/users/{}/end-sessions", app.user_id(&ada)),
            "/admin/sessions/end".to_owned(),
        ] {
            let refused = admin.post(&path, &[("reason", reason)]).await.expect(422);
            assert!(refused.field_error("reason").is_some(), "{path} {reason:?}");
        }
        let arguments = ["sessions", "end", "--q", "ada", "--reason", reason, "--yes"];
        assert!(Program::run(&arguments, &app.command_vars(), "").failed().starts_with("--reason: "));
    }
    assert_eq!(app.active_sessions_of(&ada).len(), 1);
});

on_both_stacks!(name_from_before_shown_safely, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for (name, shown) in [("\u{3164}", "(no visible name)"), ("Ada\u{202e}x\u{200b}", "Adax")] {
        app.rename_user(&ada, name);
        for list in ["/admin/sessions", "/admin/users"] {
            let page = admin.get(&format!("{list}?q=ada.lovelace")).await.expect(200);
            assert_eq!(page.texts("table .name bdi"), [shown], "{list}");
        }
        let page = admin.get(&format!("/admin/users/{}", app.user_id(&ada))).await.expect(200);
        assert_eq!(page.h1(), shown);
        client.get("/").await.expect(200).has(shown);
        let log = admin.get("/admin/events.csv").await.expect(200);
        assert!(log.body.contains(shown) && !log.body.contains('\u{202e}'));
        for arguments in [["user", "list"], ["sessions", "list"]] {
            let listed = Program::run(&arguments, &app.command_vars(), "").done();
            assert!(listed.contains(shown), "{listed}");
        }
    }
});

on_both_stacks!(command_line_escapes_controls_and_directions, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let session = app.session_of(&ada);
    app.end_in_database(&session, "ended_by_admin");
    app.set_end_note(&session, "a\u{202e}b\u{9b}31m");
    let listed =
        Program::run(&["sessions", "list", "--state", "ended", "--json"], &app.command_vars(), "").done();
    assert!(listed.contains("a\\u202eb\\u009b31m"), "{listed:?}");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&listed).unwrap()["end_note"],
        "a\u{202e}b\u{9b}31m"
    );
    let message =
        Program::run(&["user", "activate", "x\u{202e}\u{1b}[31m@y"], &app.command_vars(), "").failed();
    assert!(message.contains("x\\u{202e}\\u{1b}[31m@y"), "{message:?}");
});
