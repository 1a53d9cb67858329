//! Tests that streams of a bound session go on for as long as the proof with which they were opened.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{
    device::{self, *},
    forged_cookies::bound_cookie,
    *,
};

on_both_stacks!(streams_end_with_the_proof_that_opened_them, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    app.make_admin(&ada);
    let thief = browser.thief(&app);
    for path in ["/session/events", "/admin/sessions/events"] {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        thief.set_cookie(BOUND_COOKIE, &bound_cookie(&browser.id, i64::try_from(now).unwrap() + 4));
        let mut stream = thief.events(path).await;
        let mut last = None;
        while let Some((name, _)) = stream.next().await {
            last = Some(name);
        }
        assert_eq!(last.as_deref(), Some("reconnect"), "{path}");
        thief.get("/profile").await.to("/login?next=%2Fprofile");
    }
    browser.client.get("/profile").await.expect(200);
});
