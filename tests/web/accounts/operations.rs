//! Tests the operations of `Accounts`, and the preview of `Sessions`, apart from pages: what each returns and what it changes.

use crate::support::{
    operations::{builder, run, start},
    *,
};

const NEW_PASSWORD: &str = "umbrella-trout-58-canyon";

/// What an operation returns that ended so many sessions, all confirmed by the store.
fn outcome(count: usize) -> String {
    format!("EndOutcome {{ count: {count}, confirmed: true }}")
}

fn account<'a>(name: &'a str, email: &'a str) -> [(&'static str, &'a str); 3] {
    [("name", name), ("email", email), ("password", PASSWORD)]
}

on_both_stacks!(sign_up_makes_account_and_signs_in_once, |stack| async {
    let app = start(stack).await;
    let client = app.client();
    let new = account(" Ada Lovelace ", "ada@example.org");
    assert_eq!(run(&client, "visitor/sign-up", &new).await, "Done");
    assert!(signed_in(&client).await);
    let _ = client.get("/profile").await.expect(200).has("Ada Lovelace");
    assert_eq!(run(&app.client(), "visitor/sign-up", &new).await, "AddressTaken");
    assert_eq!(app.user_count(), 1);
});

on_both_stacks!(sign_up_with_registration_closed_makes_nothing, |stack| async {
    let mut app = start(stack).await;
    app.restart_with(&[("REGISTRATION", "closed")]).await;
    let client = app.client();
    assert_eq!(run(&client, "visitor/sign-up", &account("Ada", "ada@example.org")).await, "Closed");
    assert_eq!((app.user_count(), signed_in(&client).await), (0, false));
});

on_both_stacks!(sign_in_and_out_start_and_end_one_session, |stack| async {
    let app = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    for (email, password) in [(ada.email.as_str(), "wrong"), ("nobody@example.org", PASSWORD)] {
        let fields = [("email", email), ("password", password)];
        assert_eq!(run(&client, "visitor/sign-in", &fields).await, "Refused", "{email}");
    }
    assert!(!signed_in(&client).await);
    let fields = [("email", ada.email.as_str()), ("password", PASSWORD)];
    assert_eq!(run(&client, "visitor/sign-in", &fields).await, format!("Started({})", outcome(0)));
    assert_eq!((signed_in(&client).await, app.active_session_ids().len()), (true, 2));
    let before = client.copy();
    assert_eq!(run(&client, "own/sign-out", &[]).await, "()");
    assert_eq!((signed_in(&before).await, app.active_session_ids().len()), (false, 1));
});

on_both_stacks!(change_name_and_password_are_recorded_and_end_other_sessions, |stack| async {
    let app = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other = app.client();
    let _ = ada.sign_in(&other).await;
    assert_eq!(run(&client, "own/change-name", &[("name", "Countess")]).await, "()");
    let _ = client.get("/profile").await.expect(200).has("Countess");
    assert_eq!(run(&client, "own/password-again", &[("password", "wrong")]).await, "false");
    let fields = [("password", PASSWORD), ("new", NEW_PASSWORD)];
    assert_eq!(run(&client, "own/change-password", &fields).await, outcome(1));
    assert_eq!((signed_in(&client).await, signed_in(&other).await), (true, false));
    assert_eq!(run(&client, "own/password-again", &[("password", NEW_PASSWORD)]).await, "true");
    assert_eq!((app.event_count_of("name_changed"), app.event_count_of("password_changed")), (1, 1));
});

on_both_stacks!(confirm_password_gives_session_new_key_only_when_right, |stack| async {
    let app = start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let before = client.copy();
    assert_eq!(run(&client, "own/confirm-password", &[("password", "wrong")]).await, "false");
    assert!(signed_in(&before).await);
    assert_eq!(run(&client, "own/confirm-password", &[("password", PASSWORD)]).await, "true");
    assert_eq!((signed_in(&before).await, signed_in(&client).await), (false, true));
    assert_eq!((app.event_count_of("confirmed"), app.event_count_of("confirmation_failed")), (1, 1));
});

on_both_stacks!(end_own_session_tells_current_from_other, |stack| async {
    let app = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, stranger) = app.person("Grace Hopper").await;
    let (second, third) = (app.client(), app.client());
    let _ = (ada.sign_in(&second).await, ada.sign_in(&third).await);
    let (own, others) = (own_session_id(&client).await, own_session_id(&second).await);
    let path = "/test/operations/own/end-session";
    let _ = stranger.post(path, &[("session", &others)]).await.expect(404);
    let ended = run(&client, "own/end-session", &[("session", &others)]).await;
    assert_eq!(ended, format!("Other({})", outcome(1)));
    assert_eq!(run(&client, "own/end-others", &[]).await, outcome(1));
    assert_eq!((signed_in(&second).await, signed_in(&third).await), (false, false));
    assert_eq!(run(&client, "own/end-session", &[("session", &own)]).await, "SignedOut");
    assert_eq!((signed_in(&client).await, signed_in(&stranger).await), (false, true));
});

on_both_stacks!(delete_removes_account_but_not_last_administrators, |stack| async {
    let app = start(stack).await;
    let (ada, client) = app.admin("Ada Lovelace").await;
    let (_, other) = app.person("Grace Hopper").await;
    assert_eq!(run(&client, "own/delete", &[]).await, "LastAdministrator");
    assert_eq!(run(&other, "own/delete", &[]).await, "Done");
    assert_eq!((signed_in(&client).await, signed_in(&other).await), (true, false));
    assert_eq!((app.user_count(), app.role_of(&ada).as_str()), (1, "admin"));
});

on_both_stacks!(administer_reports_done_unchanged_and_last_administrator, |stack| async {
    let app = start(stack).await;
    let (ada, _) = app.admin("Ada Lovelace").await;
    let (grace, client) = app.person("Grace Hopper").await;
    let (ada, grace) = (app.user_id(&ada).to_string(), app.user_id(&grace).to_string());
    let anyone = app.client();
    let done = |count: usize| format!("Done({})", outcome(count));
    for (operation, id, role, expected) in [
        ("set-role", &ada, "user", "LastAdministrator".to_owned()),
        ("set-role", &ada, "admin", "Unchanged".to_owned()),
        ("deactivate", &ada, "", "LastAdministrator".to_owned()),
        ("end-sessions", &grace, "", outcome(1)),
        ("set-role", &grace, "admin", done(0)),
        ("set-role", &grace, "user", done(0)),
        ("deactivate", &grace, "", done(0)),
        ("deactivate", &grace, "", "Unchanged".to_owned()),
        ("activate", &grace, "", done(0)),
        ("activate", &grace, "", "Unchanged".to_owned()),
    ] {
        let fields = [("id", id.as_str()), ("role", role)];
        assert_eq!(
            run(&anyone, &format!("operator/{operation}"), &fields).await,
            expected,
            "{operation} {role}"
        );
    }
    assert!(!signed_in(&client).await);
    let path = "/test/operations/operator/deactivate";
    let _ = anyone.post(path, &[("id", "999999")]).await.expect(404);
});

on_both_stacks!(one_time_links_set_a_password_once, |stack| async {
    let app = start(stack).await;
    let anyone = app.client();
    let invitation = [("name", "Ada"), ("email", "ada@example.org"), ("role", "user")];
    let token = run(&anyone, "operator/invite", &invitation).await;
    assert_eq!(run(&anyone, "operator/invite", &invitation).await, "", "the address is taken");
    let owner = run(&anyone, "visitor/link-owner", &[("token", &token)]).await;
    assert_eq!(owner, r#"Some(("ada@example.org", Invite))"#);
    let choice = [("token", token.as_str()), ("password", PASSWORD)];
    assert_eq!(run(&anyone, "visitor/choose-password", &choice).await, format!("Some({})", outcome(0)));
    assert_eq!(run(&anyone, "visitor/choose-password", &choice).await, "None");

    let client = app.client();
    let credentials = [("email", "ada@example.org"), ("password", PASSWORD)];
    let _ = run(&client, "visitor/sign-in", &credentials).await;
    let id = app.user_id("ada@example.org").to_string();
    let token = run(&anyone, "operator/issue-link", &[("id", &id)]).await;
    let owner = run(&anyone, "visitor/link-owner", &[("token", &token)]).await;
    assert_eq!(owner, r#"Some(("ada@example.org", Reset))"#);
    let fields = [("id", id.as_str()), ("password", NEW_PASSWORD)];
    assert_eq!(run(&anyone, "operator/set-password", &fields).await, outcome(1));
    assert!(!signed_in(&client).await);
    assert_eq!(run(&anyone, "visitor/link-owner", &[("token", &token)]).await, "None", "links are revoked");
});

on_both_stacks!(accounts_are_created_once_and_set_up_needs_its_token, |stack| async {
    let app = builder(stack).not_set_up().start().await;
    let client = app.client();
    let token = app.setup_link().unwrap().rsplit('=').next().unwrap().to_owned();
    let new = account("Ada Lovelace", "ada@example.org");
    let with_token = |token: &str| {
        [new.as_slice(), &[("token", token)]]
            .concat()
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect::<Vec<_>>()
    };
    let path = "/test/operations/visitor/set-up";
    for (token, outcome) in
        [("wrong", "Refused(Unknown)"), (token.as_str(), "Done"), (token.as_str(), "Refused(Used)")]
    {
        let fields = with_token(token);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(client.post(path, &fields).await.expect(200).body, outcome);
    }
    assert_eq!((signed_in(&client).await, app.role_of("ada@example.org").as_str()), (true, "admin"));
    let other = account("Grace Hopper", "grace@example.org");
    let fields = [other.as_slice(), &[("role", "admin")]].concat();
    assert_eq!(run(&client, "operator/create", &fields).await, r#"Some(("grace@example.org", Admin))"#);
    assert_eq!(run(&client, "operator/create", &fields).await, "None");
});

on_both_stacks!(set_up_is_refused_with_expired_link_or_once_there_is_an_administrator, |stack| async {
    let app = builder(stack).not_set_up().start().await;
    let client = app.client();
    let token = app.setup_link().unwrap().rsplit('=').next().unwrap().to_owned();
    let ada = account("Ada Lovelace", "ada@example.org");
    let with_token = [ada.as_slice(), &[("token", &*token)]].concat();
    assert_eq!(run(&client, "visitor/sign-up", &ada).await, "Closed", "before the set-up");
    app.expire_tokens();
    assert_eq!(run(&client, "visitor/set-up", &with_token).await, "Refused(Unknown)");
    app.revive_tokens();
    let grace = account("Grace Hopper", "grace@example.org");
    let fields = [grace.as_slice(), &[("role", "admin")]].concat();
    assert_eq!(run(&client, "operator/create", &fields).await, r#"Some(("grace@example.org", Admin))"#);
    assert_eq!(run(&client, "visitor/set-up", &with_token).await, "Refused(Used)");
    assert_eq!((app.administrators(), app.user_count()), (vec!["grace@example.org".to_owned()], 1));
});

on_both_stacks!(preview_counts_sessions_and_users_without_own, |stack| async {
    let app = start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, _grace) = app.person("Grace Lovelace").await;
    let (_, _alan) = app.person("Alan Turing").await;
    let _ = ada.sign_in(&app.client()).await;
    assert_eq!(run(&client, "preview", &[("q", "lovelace")]).await, "(2, 2, 2, true)");
    assert_eq!(run(&client, "preview", &[("q", "turing")]).await, "(1, 1, 1, false)");
    assert_eq!(run(&client, "preview", &[("q", "nobody")]).await, "(0, 0, 0, false)");
});
