//! The stream of events of an open page, which says that the session has ended.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{sleep, timeout, timeout_at};

use super::{
    http::{Answer, Endpoint, Link, empty},
    probe::{LONGEST_REQUEST, NO_ANSWER},
    use_of_session::{Kind, Outcome, Window},
};

const PATH: &str = "/session/events";
/// The event that says it.
const SIGNED_OUT: &str = "event: signed-out";
/// The pause before a stream that was broken off is opened again.
const PAUSE: Duration = Duration::from_millis(10);

/// A stream at one instance.
pub(super) struct Stream {
    link: Link,
    cookie: Arc<str>,
    open: Option<Incoming>,
}

impl Stream {
    pub(super) fn new(endpoint: Endpoint, cookie: Arc<str>) -> Self {
        Self { link: Link::new(endpoint), cookie, open: None }
    }

    /// Opens the stream.
    pub(super) async fn open(&mut self) -> Result<(), String> {
        let answer = match timeout(LONGEST_REQUEST, self.ask()).await {
            Ok(Ok(Answer::LetIn(_))) => return Ok(()),
            Ok(Ok(answer)) => answer.shown(),
            Ok(Err(error)) => error,
            Err(_) => NO_ANSWER.to_owned(),
        };
        Err(format!("{}{PATH}: {answer}", self.link.endpoint.shown))
    }

    /// Reads until the stream says that the session has ended; one that is broken off is opened again until that is refused.
    pub(super) async fn until_told(&mut self, window: Window) -> Outcome {
        let mut seen = "still open".to_owned();
        let refused = match timeout_at(window.deadline, self.told_or_refused(&mut seen)).await {
            Ok(()) => Ok(window.began.elapsed()),
            Err(_) => Err(seen),
        };
        Outcome { kind: Kind::Stream, at: self.link.endpoint.shown.clone(), path: PATH.to_owned(), refused }
    }

    async fn told_or_refused(&mut self, seen: &mut String) {
        loop {
            if let Some(open) = &mut self.open
                && is_told(open).await
            {
                return;
            }
            self.open = None;
            match self.ask().await {
                Ok(Answer::Refused) => return,
                Ok(answer) => *seen = answer.shown(),
                Err(error) => *seen = error,
            }
            sleep(PAUSE).await;
        }
    }

    async fn ask(&mut self) -> Result<Answer, String> {
        let (endpoint, cookie) = (self.link.endpoint.clone(), &self.cookie);
        let request = || {
            let request = endpoint.request("GET", PATH, "text/event-stream", cookie);
            request.body(empty()).map_err(|error| error.to_string())
        };
        let response = self.link.send(request).await?;
        let answer = Answer::of(&response);
        if matches!(answer, Answer::LetIn(_)) {
            self.open = Some(response.into_body());
        }
        Ok(answer)
    }
}

/// Reads a stream until it says that the session has ended; `false`: it is broken off.
async fn is_told(open: &mut Incoming) -> bool {
    let mut text = String::new();
    while let Some(Ok(frame)) = open.frame().await {
        if let Some(bytes) = frame.data_ref() {
            text.push_str(&String::from_utf8_lossy(bytes));
        }
        if text.contains(SIGNED_OUT) {
            return true;
        }
        // The beginning of a line may be all that has arrived of it.
        text.drain(..text.rfind('\n').map_or(0, |end| end + 1));
    }
    false
}
