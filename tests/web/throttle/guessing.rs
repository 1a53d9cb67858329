//! Tests how wrong passwords make the next tries wait.

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::{
    smtp::SmtpServer,
    throttling::{WRONG, guess, start, try_sign_in},
    *,
};

on_both_stacks!(thirty_wrong_passwords_in_a_row_are_not_thirty_tries, |stack| async {
    let app = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (grace, _) = app.person("Grace Hopper").await;
    let client = app.client();
    for email in [&ada.email, &ada.email.replace("ada.", "eve.")] {
        assert_eq!(guess(&client, email, 5).await, [401; 5], "{email}");
        let page = try_sign_in(&client, email, PASSWORD).await;
        assert!((1..=2).contains(&page.retry_after()), "the right password is not tried either");
        assert_page(&page);
        assert_eq!(page.value_of("email").as_deref(), Some(email.as_str()));
        let _ = page.has("There were too many wrong passwords. You can try again in 1 second.");
        let problem = client.request(Method::POST, "/login").header("accept", "application/json");
        let problem = problem.form(&[("email", email), ("password", WRONG)]).send().await;
        assert_eq!(problem.retry_after().to_string(), problem.header("retry-after").unwrap());
        assert_eq!(problem.json()["status"], 429);
        // Other people are not affected.
        let _ = grace.sign_in(&app.client()).await;
    }
    assert_eq!(app.event_count_of("sign_in_failed"), 10, "what was not tried is no failure");
    // The wait is short, and the right password works after it.
    eventually(|| async { try_sign_in(&app.client(), &ada.email, PASSWORD).await.status == 303 }).await;
    assert_eq!(guess(&client, &ada.email, 5).await, [401; 5], "the row was broken");
    assert_eq!(try_sign_in(&client, &ada.email, WRONG).await.retry_after(), 1);
});

/// The shortest time that some tries take: other tests keep the machine busy. All are answered with this status.
async fn shortest_try(client: &Client, email: &str, tries: usize, status: u16) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..tries {
        let start = Instant::now();
        let _ = try_sign_in(client, email, WRONG).await.expect(status);
        shortest = shortest.min(start.elapsed());
    }
    shortest
}

on_both_stacks!(try_that_has_to_wait_costs_no_check, |stack| async {
    let app = start(stack).await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let checked = shortest_try(&client, &ada.email, 5, 401).await;
    app.set_failures_of("account", 14);
    app.let_waits_pass();
    assert_eq!(guess(&client, &ada.email, 1).await, [401]);
    let refused = shortest_try(&client, &ada.email, 20, 429).await;
    assert!(refused * 2 < checked, "{refused:?}, {checked:?} with a check of the password");
});

on_both_stacks!(waits_grow_until_100_failures_in_a_row_close_the_account, |stack| async {
    let app = start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let unknown = ada.email.replace("ada.", "eve.");
    let mut answers = Vec::new();
    for email in [&ada.email, &unknown] {
        let client = app.client();
        assert_eq!(guess(&client, email, 5).await, [401; 5]);
        let mut pages = Vec::new();
        for (failures, waits) in [(8, 10..=16), (14, 1_000..=1_024), (98, 1_700..=1_800)] {
            app.set_failures_of("account", failures);
            app.let_waits_pass();
            assert_eq!(guess(&client, email, 1).await, [401], "the {failures}th");
            let page = try_sign_in(&client, email, PASSWORD).await;
            assert!(waits.contains(&page.retry_after()), "{failures}: {}", page.summary());
            pages.push((page.status, page.text().contains("You can try again")));
        }
        app.let_waits_pass();
        assert_eq!(guess(&client, email, 1).await, [401], "the hundredth");
        assert_eq!(app.failures_of("account"), 100);
        app.let_waits_pass();
        let page = try_sign_in(&client, email, PASSWORD).await;
        assert!(page.retry_after() > 29 * 86_400);
        assert_page(&page);
        pages.push((page.status, page.text().contains("from a browser in which you have signed in before")));
        answers.push(pages);
        let throttled = app.details_of_events("throttled");
        assert!(throttled.last().is_some_and(|detail| detail.starts_with("100 ")), "{throttled:?}");
        app.forget_throttle_counts();
    }
    assert_eq!(answers[0], answers[1], "unknown addresses are no different");
    assert!(answers[0].iter().all(|(status, says)| *status == 429 && *says));
});

on_both_stacks!(new_password_opens_a_closed_account, |stack| async {
    let app = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let stranger = app.client();
    assert_eq!(guess(&stranger, &ada.email, 5).await, [401; 5]);
    app.set_failures_of("account", 100);
    assert!(try_sign_in(&stranger, &ada.email, PASSWORD).await.retry_after() > 86_400);
    let page = admin.post(&format!("{}/send-reset", app.admin_path(&ada)), &[]).await.expect(200);
    let link = admin_pages::link_on(&page);
    let (_, token) = link.split_once("token=").unwrap();
    let new = "copper-lantern-17-orchid";
    let fields = [("token", token), ("password", new), ("password_confirmation", new)];
    let _ = stranger.post("/password/reset", &fields).await.to("/login");
    let _ = try_sign_in(&stranger, &ada.email, new).await.to("/profile");
});

on_both_stacks!(forgotten_password_opens_a_closed_account, |stack| async {
    let smtp = SmtpServer::start_own();
    let builder = TestApp::builder(stack).var("SMTP_URL", smtp.url());
    let app = builder.var("THROTTLE", "on").start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    assert_eq!(guess(&client, &ada.email, 5).await, [401; 5]);
    app.set_failures_of("account", 100);
    let page = try_sign_in(&client, &ada.email, PASSWORD).await.expect(429);
    let _ = page.has("“Forgot your password?” mails you a link");
    let _ = client.post("/password/forgot", &[("email", &ada.email)]).await.to("/login");
    let token = admin_pages::token_of(&smtp.mail_about("A new password").await.link());
    let new = "copper-lantern-17-orchid";
    let fields = [("token", &*token), ("password", new), ("password_confirmation", new)];
    let _ = client.post("/password/reset", &fields).await.to("/login");
    let _ = try_sign_in(&client, &ada.email, new).await.to("/profile");
});

on_both_stacks!(throttling_is_recorded_once_for_owner_and_administrator, |stack| async {
    let app = start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = app.user_id(&ada);
    let _ = guess(&app.client(), &ada.email, 30).await;
    assert_eq!(app.event_users("throttled"), vec![vec![Some(id), None]]);
    let detail = "5 wrong passwords in a row from browsers that had not signed in before";
    let _ = client.get("/activity").await.expect(200).has("Too many tries").has(detail);
    let page = admin.get("/admin/events?kind=throttled").await.expect(200);
    assert_page(&page);
    let _ = page.has(&ada.email).has(detail).has("nobody was signed in");
});

on_both_stacks!(throttle_off_limits_nothing, |stack| async {
    let app = TestApp::builder(stack).var("THROTTLE", "off").start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    assert_eq!(guess(&client, &ada.email, 30).await, [401; 30]);
    assert_eq!(app.throttle_keys(), Vec::<String>::new());
    assert_eq!(client.cookie("gatehouse-browser"), None);
});
