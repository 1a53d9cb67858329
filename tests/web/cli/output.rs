//! Tests commands whose output nobody reads, as in `gatehouse sessions list | head`.

use crate::support::*;

on_both_stacks!(cli_output_that_nobody_reads_ends_quietly, |stack| async {
    let app = TestApp::start(stack).await;
    app.person("Ada Lovelace").await;
    let vars = app.command_vars();
    for command in [
        &["sessions", "list"][..],
        &["sessions", "list", "--json"],
        &["sessions", "verify"],
        &["sessions", "end", "--all", "--dry-run"],
        &["user", "list"],
        &["user", "reset-password", "ada.lovelace@example.org"],
        &["check-config"],
        &["migrate"],
    ] {
        let finished = Program::run_unread(command, &vars);
        assert_eq!((finished.status.code(), &*finished.stderr), (Some(141), ""), "{command:?}");
    }
    for help in [&["--help"][..], &["sessions", "list", "--help"]] {
        assert_eq!(Program::run_unread(help, &vars).stderr, "", "{help:?}");
    }
});

on_both_stacks!(cli_end_dry_run_needs_no_reason, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let run = |arguments: &[&str]| {
        Program::run(&[&["sessions", "end", "--q", "ada"], arguments].concat(), &app.command_vars(), "")
    };
    assert!(run(&["--dry-run"]).done().contains(&ada.email));
    let missing = run(&["--yes"]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    assert!(missing.stderr.contains("--reason"), "{missing:?}");
    assert!(signed_in(&client).await);
});

on_both_stacks!(cli_lists_have_column_heads, |stack| async {
    let app = TestApp::start(stack).await;
    let vars = app.command_vars();
    assert_eq!(Program::run(&["sessions", "list"], &vars, "").done(), "0 sessions.\n");
    let (ada, _) = app.person("Ada Lovelace").await;
    let wide = Person { name: "王小明".to_owned(), ..Person::new("Wang Xiaoming of Nowhere") };
    wide.register(&app.client()).await;
    for (command, heads, second) in [
        (
            ["sessions", "list"],
            &["SESSION", "PERSON", "DEVICE", "ADDRESS", "METHOD", "STATE"][..],
            "2 sessions.",
        ),
        (
            ["user", "list"],
            &["ID", "PERSON", "ROLE", "STATE", "ACTIVE", "LAST SIGN-IN", "REMARKS"],
            "2 accounts.",
        ),
    ] {
        let listed = Program::run(&command, &vars, "").done();
        let lines: Vec<_> = listed.lines().collect();
        assert_eq!(
            lines[0].split("  ").map(str::trim).filter(|head| !head.is_empty()).collect::<Vec<_>>(),
            heads
        );
        assert_eq!((lines.len(), lines[3]), (4, second), "{listed}");
        // What follows the name stands under its head.
        let of_ada = lines.iter().find(|line| line.contains(&ada.email)).unwrap();
        let column = lines[0].find(heads[2]).unwrap();
        assert_eq!(&of_ada[column - 2..column], "  ", "{listed}");
        assert_ne!(&of_ada[column..=column], " ", "{listed}");
    }
});

#[test]
fn completions_manual_and_settings_need_no_configuration() {
    let wrong = vec![("DATABASE_URL".to_owned(), "nonsense".to_owned())];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let file = Program::run(&["completions", shell], &wrong, "").done();
        assert!(file.contains("reset-second-factor") && file.contains("check-config"), "{shell}");
    }
    let unknown = Program::run(&["completions", "dos"], &wrong, "");
    assert!(unknown.status.code() == Some(2) && unknown.stderr.contains("bash"), "{unknown:?}");
    let page = Program::run(&["man"], &wrong, "").done();
    for part in [
        ".TH gatehouse 8",
        ".SH \"GATEHOUSE SESSIONS END\"",
        ".SH \"GATEHOUSE USER SET\\-ROLE\"",
        "\\-\\-dry\\-run",
        ".SH \"EXIT STATUS\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(Program::run(&["--version"], &wrong, "").done().starts_with("gatehouse 0."));
    let settings = Program::run(&["settings"], &wrong, "").done();
    assert_eq!(settings, include_str!("../../../.env.example"));
    let page = Program::run(&["settings", "--page"], &wrong, "").done();
    assert_eq!(page, include_str!("../../../docs/configuration.md"));
    for command in [&["man"][..], &["completions", "bash"], &["settings"]] {
        let finished = Program::run_unread(command, &wrong);
        assert_eq!((finished.status.code(), &*finished.stderr), (Some(141), ""), "{command:?}");
    }
}
