//! Tests that a stranger who guesses locks nobody out: a browser that has signed in before has a count of its own.

use crate::support::{
    throttling::{WRONG, guess, start, try_sign_in},
    *,
};

/// The cookie by which a browser is known.
const BROWSER: &str = "gatehouse-browser";

on_both_stacks!(stranger_cannot_lock_the_owner_out, |stack| async {
    let app = start(stack).await;
    let (ada, own) = app.known_browser("Ada Lovelace").await;
    let cookie = own.cookie(BROWSER).unwrap();
    assert!(cookie.is("httponly") && cookie.max_age() > Some(300 * 86_400), "{cookie:?}");
    assert!(!signed_in(&own).await, "it is no session");
    // A stranger in the owner's own network, who has used up the tries of the account and of the network.
    let stranger = app.client();
    assert_eq!(guess(&stranger, &ada.email, 5).await, [401; 5]);
    app.set_failures_of("account", 100);
    for number in 0..15 {
        let email = format!("nobody{number}@example.org");
        let _ = try_sign_in(&stranger, &email, WRONG).await.expect(401);
    }
    assert!(try_sign_in(&stranger, "new@example.org", WRONG).await.retry_after() >= 1);
    assert!(try_sign_in(&stranger, &ada.email, PASSWORD).await.retry_after() > 86_400);
    let _ = ada.sign_in(&own).await;
    // Strangers are still where they were.
    assert!(try_sign_in(&stranger, &ada.email, PASSWORD).await.retry_after() > 86_400);
});

on_both_stacks!(known_browser_has_limits_of_its_own, |stack| async {
    let app = start(stack).await;
    let (ada, own) = app.known_browser("Ada Lovelace").await;
    assert_eq!(guess(&own, &ada.email, 4).await, [401; 4]);
    assert_eq!(guess(&own, &ada.email.to_uppercase(), 1).await, [401], "another form of the address");
    assert!(try_sign_in(&own, &ada.email, PASSWORD).await.retry_after() >= 1);
    assert_eq!(app.failures_of("browser"), 5);
    // A browser that has not signed in before.
    let other = app.client();
    let _ = ada.sign_in(&other).await;
    app.let_waits_pass();
    let _ = ada.sign_in(&own).await;
    assert_eq!(app.throttle_kinds(), Vec::<String>::new());
});

on_both_stacks!(browser_is_known_for_the_accounts_that_signed_in_there, |stack| async {
    let app = start(stack).await;
    let (ada, client) = app.known_browser("Ada Lovelace").await;
    let (grace, _) = app.known_browser("Grace Hopper").await;
    let _ = guess(&client, &grace.email, 1).await;
    assert_eq!(app.failures_of("account"), 1, "a stranger to this account");
    let _ = grace.sign_in(&client).await;
    client.post("/logout", &[]).await.to("/");
    for email in [&ada.email, &grace.email] {
        let _ = guess(&client, email, 1).await;
    }
    // The network's is of the stranger.
    assert_eq!(app.throttle_kinds(), ["browser", "browser", "sign-ins"]);
});

on_both_stacks!(browser_is_a_strangers_once_the_password_is_changed, |stack| async {
    let app = start(stack).await;
    let (ada, old) = app.known_browser("Ada Lovelace").await;
    let own = app.client();
    let _ = ada.sign_in(&own).await;
    let new = "copper-lantern-17-orchid";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    let _ = own.post("/profile/password", &fields).await.expect(303);
    let _ = guess(&old, &ada.email, 1).await;
    assert_eq!(app.failures_of("account"), 1);
    own.post("/logout", &[]).await.to("/");
    let _ = guess(&own, &ada.email, 1).await;
    assert_eq!(app.failures_of("browser"), 1, "the one that has changed it is known");
});

on_both_stacks!(browser_of_a_deleted_account_is_a_strangers_to_the_next_with_its_address, |stack| async {
    let app = start(stack).await;
    let (first, client) = app.person("Ada Lovelace").await;
    let fields = [("current_password", PASSWORD)];
    let _ = client.post("/profile/delete", &fields).await.expect(303);
    let (ada, _) = app.person("Ada Lovelace").await;
    assert_eq!(first.email, ada.email);
    let _ = guess(&client, &ada.email, 1).await;
    assert_eq!(app.throttle_kinds(), ["account", "sign-ins"]);
});

on_both_stacks!(browser_is_known_for_the_last_eight_accounts, |stack| async {
    let app = start(stack).await;
    let mut people = Vec::new();
    for number in 0..9 {
        people.push(app.person(&format!("Ada {number}")).await.0);
    }
    let browser = app.client();
    let use_account = async |person: &Person| {
        person.sign_in(&browser).await;
        browser.post("/logout", &[]).await.to("/");
    };
    for person in &people[..8] {
        use_account(person).await;
    }
    // One that is used again is no further one.
    use_account(&people[7]).await;
    let _ = guess(&browser, &people[0].email, 1).await;
    assert_eq!(app.throttle_kinds(), ["browser"]);
    app.forget_throttle_counts();
    use_account(&people[8]).await;
    let _ = guess(&browser, &people[0].email, 1).await;
    assert_eq!(app.throttle_kinds(), ["account", "sign-ins"], "the one that was used longest ago makes way");
    let _ = guess(&browser, &people[1].email, 1).await;
    assert_eq!(app.throttle_kinds(), ["account", "browser", "sign-ins"]);
});

on_both_stacks!(forged_browser_cookie_is_a_strangers, |stack| async {
    let app = start(stack).await;
    let (ada, own) = app.known_browser("Ada Lovelace").await;
    let value = own.cookie(BROWSER).unwrap().value;
    let session = ada.sign_in(&app.client()).await.set_cookies();
    let session = session.into_iter().find(|cookie| cookie.name == COOKIE).unwrap().value;
    let mut cut = value.clone();
    cut.pop();
    for (number, forged) in ["x", "%00", "a:b", &cut, &session, &format!("{value}A")].into_iter().enumerate()
    {
        let client = app.client();
        client.set_cookie(BROWSER, forged);
        let _ = guess(&client, &ada.email, 1).await;
        app.let_waits_pass();
        assert_eq!(app.failures_of("account"), number as u32 + 1, "{forged}");
    }
});
