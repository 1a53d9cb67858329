//! A request in flight: it has begun when the session ends, and its body is complete only afterwards. It asks for a new key, so that one
//! that is let through would bring the session back.

use std::{convert::Infallible, sync::Arc};

use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    body::{Bytes, Frame},
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use tokio::{sync::watch, task::JoinHandle, time::timeout_at};

use super::{
    http::{Answer, Body, Endpoint, Link, NO_ANSWER},
    use_of_session::{Kind, Outcome, Window},
};

const PATH: &str = "/auth/rotate-session";
/// What is sent before the end, and what after it.
const PARTS: [&str; 2] = ["{", "}"];

/// A request in flight at one instance.
pub(super) struct InFlight {
    at: String,
    answer: JoinHandle<Result<Answer, String>>,
}

impl InFlight {
    /// Sends the head of the request and a part of its body, and the rest once `ended` says so.
    pub(super) fn begin(endpoint: Endpoint, cookie: Arc<str>, ended: watch::Receiver<bool>) -> Self {
        let at = endpoint.shown.clone();
        let answer = tokio::spawn(async move {
            let mut link = Link::new(endpoint.clone());
            let request = || {
                let request = endpoint.request("POST", PATH, "application/json", &cookie);
                let length: usize = PARTS.iter().map(|part| part.len()).sum();
                let request = request.header(CONTENT_TYPE, "application/json").header(CONTENT_LENGTH, length);
                request.body(in_parts(ended.clone())).map_err(|error| error.to_string())
            };
            Ok(Answer::of_whole(link.send(request).await?).await)
        });
        Self { at, answer }
    }

    /// Waits for the answer.
    pub(super) async fn until_refused(self, window: Window) -> Outcome {
        let refused = match timeout_at(window.deadline, self.answer).await {
            Ok(Ok(Ok(Answer::Refused))) => Ok(window.began.elapsed()),
            Ok(Ok(Ok(answer))) => Err(answer.shown()),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(NO_ANSWER.to_owned()),
        };
        Outcome { kind: Kind::InFlight, at: self.at, path: PATH.to_owned(), refused }
    }
}

/// The body: its first part at once, its second once the session has ended.
fn in_parts(ended: watch::Receiver<bool>) -> Body {
    let parts = stream::unfold((0, ended), |(at, mut ended)| async move {
        let part = *PARTS.get(at)?;
        if at > 0 {
            // An error means that it will not be ended by this drill: the request is broken off.
            ended.wait_for(|ended| *ended).await.ok()?;
        }
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(part.as_bytes()))), (at + 1, ended)))
    });
    StreamBody::new(parts).boxed_unsync()
}
