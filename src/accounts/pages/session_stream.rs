//! `/session/events`: the event stream that notifies an open page of the end of its session, and of its user's other sessions.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_lab::sse;
use futures_util::stream;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    sessions::{
        CurrentUser, EndMessage, EndReason, Sessions,
        live::{registry::SessionStatus, subscription::Subscription},
        while_proven,
    },
    web::{
        Query,
        sse::{event, reconnect_event, respond},
    },
};

/// A page needs no comments more often: it shows nothing that grows old.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `GET /session/events`
///
/// # Errors
/// [`Error::Unavailable`] when the session's status can't be read.
pub async fn events(
    req: HttpRequest,
    sessions: web::Data<Sessions>,
    user: CurrentUser,
    query: Query<StreamQuery>,
) -> Result<HttpResponse, Error> {
    let mut subscription = sessions.subscribe(&user).await?;
    let told = match query.list.as_str() {
        "on" => Some(subscription.wait_for(|_| true).await.list_changes),
        _ => None,
    };
    let events = stream::unfold(Some((subscription, told)), next_event);
    Ok(respond(&req, HEARTBEAT, while_proven(&req, &user, events)?))
}

/// `?list=on`: of a page that lists the user's sessions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StreamQuery {
    list: String,
}

/// A subscription, and how many changes of the list of sessions the page knows of; `None`: it shows no list.
type Told = (Subscription, Option<u64>);

/// The next event; the stream ends with the session and when the server stops.
async fn next_event(open: Option<Told>) -> Option<(sse::Event, Option<Told>)> {
    let (mut subscription, told) = open?;
    let list_changed = |status: &SessionStatus| told.is_some_and(|told| told != status.list_changes);
    let is_over = |status: &SessionStatus| status.ended.is_some() || status.stopping;
    let status = subscription.wait_for(|status| is_over(status) || list_changed(status)).await;
    match &status.ended {
        Some(message) => Some((signed_out_event(message), None)),
        None if status.stopping => Some((reconnect_event(), None)),
        None if !list_changed(&status) => None,
        None => {
            Some((event("own-sessions", &OwnSessions {}), Some((subscription, Some(status.list_changes)))))
        }
    }
}

/// `own-sessions`: the list of the user's sessions has changed, or may have.
#[derive(Serialize)]
struct OwnSessions {}

/// `signed-out`: the session of the stream has ended.
#[derive(Serialize)]
struct SignedOut {
    reason: EndReason,
    sentence: String,
}

/// The event that says why the page's own session ended.
pub fn signed_out_event(message: &EndMessage) -> sse::Event {
    event("signed-out", &SignedOut { reason: message.reason, sentence: message.sentence() })
}
