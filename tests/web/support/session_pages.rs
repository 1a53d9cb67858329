//! What the application's pages and cookies say of sessions: who is signed in, and which sessions are listed.

use super::{
    answer::Answer,
    client::{Client, Cookie},
};

/// The name of the session's cookie.
pub const COOKIE: &str = "gatehouse";

/// The session cookie that an answer sets, if it sets one that is not a removal.
pub fn new_cookie(answer: &Answer) -> Option<Cookie> {
    answer.set_cookies().into_iter().find(|cookie| cookie.name == COOKIE && cookie.max_age() != Some(0))
}

/// Whether a page that needs a login opens. With a key that was replaced a moment ago it is to be asked for again.
pub async fn signed_in(client: &Client) -> bool {
    let answer = client.get("/profile").await;
    match answer.status {
        200 => true,
        303 if answer.location() == Some("/profile") => false,
        303 => {
            let _ = answer.to("/login?next=%2Fprofile");
            false
        }
        other => panic!("{other}: {}", answer.summary()),
    }
}

/// The session ids on the user's own list, in its order.
pub async fn listed_sessions(client: &Client) -> Vec<String> {
    session_ids(&client.get("/sessions").await.expect(200))
}

/// The session ids on the administrator's list, in its order.
pub async fn listed_sessions_for_admin(admin: &Client) -> Vec<String> {
    session_ids(&admin.get("/admin/sessions").await.expect(200))
}

/// The public id of the client's session, which comes first on the user's own list.
pub async fn own_session_id(client: &Client) -> String {
    listed_sessions(client).await.remove(0)
}

fn session_ids(page: &Answer) -> Vec<String> {
    let found = page.attributes("[id^='session-']", "id");
    found.iter().map(|id| id.replacen("session-", "", 1)).collect()
}
