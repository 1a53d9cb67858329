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
