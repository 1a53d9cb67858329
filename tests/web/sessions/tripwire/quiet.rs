//! What is no theft, and raises no alarm. Each time the browser is in another network than the one in which its session began, so that its
//! cookies alone tell that it is the same.

use reqwest::Method;

use super::copies::*;
use crate::support::{
    device::{self, BoundBrowser},
    *,
};

const NEWER_FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0";
const PHONE: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/142.0.0.0 Mobile Safari/537.36";
const PHONE_AS_COMPUTER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                                 Chrome/142.0.0.0 Safari/537.36";

/// Lets a client ask for pages, and asserts that nobody is told. At the end somebody else presents the same key, which is.
async fn assert_quiet(app: &TestApp, client: &Client) {
    for path in ["/profile", "/", "/login", "/auth/me", "/none"] {
        let status = client.get(path).await.status;
        assert!([200, 303, 401, 404].contains(&status), "{path}: {status}");
    }
    assert_eq!(app.event_count_of(USED), 0);
    let key = client.cookie(SESSION).or_else(|| client.cookie("__Host-gatehouse")).unwrap();
    let thief = app.client().bound_to(FURTHER).user_agent("curl/8");
    thief.set_cookie(&key.name, &key.value);
    thief.get("/profile").await.expect(303);
    told(app, 1).await;
}

on_both_stacks!(no_alarm_for_an_old_tab_in_another_network, |stack| async {
    let app = builder(stack).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    assert_quiet(&app, &old.bound_to(ELSEWHERE)).await;
});

on_both_stacks!(no_alarm_for_a_browser_that_was_restarted, |stack| async {
    let app = builder(stack).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let browser = app.client();
    ada.sign_in_remembered(&browser).await;
    app.end_in_database(&app.newest_session_of(&ada), "idle");
    // It has updated itself meanwhile.
    browser.close();
    assert_quiet(&app, &browser.user_agent(NEWER_FIREFOX).bound_to(ELSEWHERE)).await;
});

on_both_stacks!(no_alarm_for_a_profile_that_was_restored, |stack| async {
    let app = builder(stack).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let backup = client.copy();
    rotate(&client).await;
    client.post("/logout", &[]).await.to("/");
    ada.sign_in(&client).await;
    app.set_rotated_ago(7 * 24 * 60 * 60);
    assert_quiet(&app, &backup.bound_to(ELSEWHERE)).await;
});

on_both_stacks!(no_alarm_for_what_a_browser_fetches_ahead, |stack| async {
    let app = builder(stack).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    let old = old.bound_to(ELSEWHERE);
    for path in ["/profile", "/sessions", "/login"] {
        let ahead = old.request(Method::GET, path).header("sec-purpose", "prefetch;prerender");
        ahead.header("purpose", "prefetch").send().await;
    }
    assert_quiet(&app, &old).await;
});

on_both_stacks!(no_alarm_for_two_tabs_during_a_rotation, |stack| async {
    let app = builder(stack).start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let other_tab = client.copy().bound_to(ELSEWHERE);
    rotate(&client).await;
    other_tab.get("/profile").await.to("/profile");
    other_tab.get("/auth/me").await.expect(503);
    assert_eq!(app.event_count_of(USED), 0);
    app.set_rotated_ago(60);
    assert_quiet(&app, &other_tab).await;
});

on_both_stacks!(no_alarm_for_clocks_that_were_set, |stack| async {
    let app = builder(stack).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let other_tab = client.copy().bound_to(ELSEWHERE);
    rotate(&client).await;
    let session = app.session_of(&ada);
    // The database's clock was set back since, or was ahead at the sign-in.
    app.set_rotated_ahead();
    is_refused(&other_tab).await;
    app.set_session_time(&session, SessionTime::Created, "2090-01-01 00:00:00");
    app.set_session_time(&session, SessionTime::LastSeen, "2090-01-01 00:00:00");
    client.get("/profile").await.expect(200);
    assert_quiet(&app, &other_tab).await;
});

on_both_stacks!(no_alarm_after_a_change_of_password, |stack| async {
    let app = builder(stack).start().await;
    let (ada, phone) = app.person("Ada Lovelace").await;
    let laptop = app.client();
    ada.sign_in(&laptop).await;
    let new = "copper-lantern-17-orchid";
    let change =
        [("current_password", ada.password.as_str()), ("password", new), ("password_confirmation", new)];
    laptop.post("/profile/password", &change).await.expect(303);
    assert_quiet(&app, &phone.bound_to(ELSEWHERE)).await;
});

on_both_stacks!(no_alarm_after_a_change_of_secret, |stack| async {
    let secrets = [random_secret(), random_secret()];
    let mut app = builder(stack).var("SESSION_SECRET", &secrets[0]).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    app.restart_with(&[("SESSION_SECRET", &format!("{},{}", secrets[1], secrets[0]))]).await;
    assert_quiet(&app, &old.bound_to(ELSEWHERE)).await;
});

on_both_stacks!(no_alarm_for_a_phone_that_asks_for_pages_as_a_computer, |stack| async {
    let app = builder(stack).start().await;
    let ada = Person::new("Ada Lovelace");
    let phone = app.client().user_agent(PHONE);
    ada.register(&phone).await;
    let old = phone.copy().user_agent(PHONE_AS_COMPUTER).bound_to(ELSEWHERE);
    phone.post("/logout", &[]).await.to("/");
    assert_quiet(&app, &old).await;
});

on_both_stacks!(no_alarm_for_a_bound_browser_without_its_proof, |stack| async {
    let app = device::builder(stack).var("TRIPWIRE", "notify").start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let names = ["__Host-gatehouse", "__Host-gatehouse-browser"];
    let moved = browser.stolen(&app, &names).user_agent(FIREFOX).bound_to(ELSEWHERE);
    // It asks for a challenge, and its tabs ask for pages meanwhile.
    device::refresh(&moved, &browser.id, None).await.expect(403);
    is_refused(&moved).await;
    assert_eq!(app.event_count_of(USED), 0);
    assert_quiet(&app, &moved).await;
});

on_both_stacks!(no_alarm_for_the_keys_that_a_drill_has_ended, |stack| async {
    let app = builder(stack).start().await;
    let (ada, old) = signed_out(&app, "Ada Lovelace").await;
    app.make_drill_session(&app.newest_session_of(&ada));
    is_refused(&thief(&app, &old)).await;
    is_refused(&copy(&app, &old, &[SESSION], FURTHER)).await;
    assert_eq!(app.event_count_of(USED), 0);
});

on_both_stacks!(no_alarm_for_keys_that_this_site_has_not_made, |stack| async {
    let app = builder(stack).start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let stranger = app.client().bound_to(ELSEWHERE).user_agent("curl/8");
    let mut key = client.cookie(SESSION).unwrap().value;
    key.replace_range(10..14, "AAAA");
    for value in ["x", "stale", &key] {
        stranger.set_cookie(SESSION, value);
        is_refused(&stranger).await;
    }
    // Who is signed in is not looked at, wherever.
    let signed_in_elsewhere = client.copy().bound_to(ELSEWHERE).user_agent(CHROME);
    signed_in_elsewhere.get("/profile").await.expect(200);
    assert_eq!(app.event_count_of(USED), 0);
});
