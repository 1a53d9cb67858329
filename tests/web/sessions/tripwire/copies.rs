//! Browsers whose cookies are copied, and what tests ask of the tripwire.

use std::future::Future;

use reqwest::Method;

use crate::support::*;

/// The event of a key that somebody else has presented.
pub const USED: &str = "stolen_key_used";

/// The session's cookie over http, and the one by which a browser is known.
pub const SESSION: &str = "gatehouse";
pub const BROWSER: &str = "gatehouse-browser";

pub const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/142.0.0.0 Safari/537.36";

/// Addresses that are not those of the owner.
pub const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];
pub const FURTHER: [u8; 4] = [127, 0, 0, 3];

/// An application with its tripwire.
pub fn builder(stack: Stack) -> Builder {
    TestApp::builder(stack).var("TRIPWIRE", "notify")
}

/// Another client that has some of the cookies of one, at another address.
pub fn copy(app: &TestApp, of: &Client, names: &[&str], address: [u8; 4]) -> Client {
    let copy = app.client().bound_to(address).user_agent(FIREFOX);
    for cookie in of.cookies().iter().filter(|cookie| names.contains(&cookie.name.as_str())) {
        copy.set_cookie(&cookie.name, &cookie.value);
    }
    copy
}

/// A client at another address and with another program, that has copied the session's cookie.
pub fn thief(app: &TestApp, of: &Client) -> Client {
    copy(app, of, &[SESSION], ELSEWHERE).user_agent("curl/8")
}

/// Gives the session of a client another key.
pub async fn rotate(client: &Client) {
    client.call(Method::POST, "/auth/rotate-session").send().await.expect(200);
}

/// Asserts that a client is sent to the sign-in page, as everybody whose key leads nowhere.
pub async fn is_refused(client: &Client) {
    client.get("/profile").await.to("/login?next=%2Fprofile");
}

/// Waits for so many events. An answer waits for the lookup of its keys, but no longer than a second.
#[track_caller]
pub fn told(app: &TestApp, events: usize) -> impl Future<Output = ()> {
    eventually(move || async move { app.event_count_of(USED) == events })
}

/// A person with a session that has ended, in a browser that has the cookie still.
pub async fn signed_out(app: &TestApp, name: &str) -> (Person, Client) {
    let (person, client) = app.person(name).await;
    let old = client.copy();
    client.post("/logout", &[]).await.to("/");
    (person, old)
}
