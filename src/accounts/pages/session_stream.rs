//! `/session/events`: the event stream that notifies an open page of the end of its session.

use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_lab::sse;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::{
    error::Error,
    sessions::{CurrentUser, EndMessage, EndReason, Sessions, live::subscription::Subscription},
    web::sse::{event, respond},
};

/// `GET /session/events`
///
/// # Errors
/// [`Error::Unavailable`] when the session's status can't be read.
pub async fn events(
    req: HttpRequest,
    sessions: web::Data<Sessions>,
    user: CurrentUser,
) -> Result<HttpResponse, Error> {
    let subscription = sessions.subscribe(&user).await?;
    Ok(respond(&req, stream::once(signed_out(subscription)).filter_map(std::future::ready)))
}

/// The one event of this stream; none when the server stops.
async fn signed_out(mut subscription: Subscription) -> Option<sse::Event> {
    let status = subscription.wait_for(|status| status.ended.is_some() || status.stopping).await;
    status.ended.map(|message| signed_out_event(&message))
}

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
