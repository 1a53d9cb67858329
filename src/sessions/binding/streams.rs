//! Streams of sessions that are bound: one goes on for as long as the proof counts with which it was opened. Then the page is told to
//! connect again, for which its browser renews the proof.

use std::future::pending;

use actix_web::HttpRequest;
use actix_web_lab::sse;
use futures_util::{
    StreamExt as _,
    stream::{self, Stream},
};

use super::cookie;
use crate::{config::Config, error::Error, sessions::CurrentUser, state::shared, web::sse::reconnect_event};

/// The events of a stream, until the proof of the request that opened it is too old.
///
/// # Errors
/// [`Error::Internal`] without the configuration.
pub fn while_proven<T: Stream<Item = sse::Event>>(
    req: &HttpRequest,
    user: &CurrentUser,
    events: T,
) -> Result<impl Stream<Item = sse::Event> + use<T>, Error> {
    let left = match user.session.is_bound {
        true => cookie::proven_for(req.headers(), shared::<Config>(req)?, &user.session.id),
        false => None,
    };
    let end = async move {
        match left {
            Some(left) => tokio::time::sleep(left).await,
            None => pending().await,
        }
    };
    let open = Some((Box::pin(events), Box::pin(end)));
    Ok(stream::unfold(open, |open| async {
        let (mut events, mut end) = open?;
        tokio::select! {
            biased;
            () = &mut end => Some((reconnect_event(), None)),
            event = events.next() => Some((event?, Some((events, end)))),
        }
    }))
}
