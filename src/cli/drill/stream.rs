//! The stream of events of an open page, which says that the session has ended.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{sleep, timeout_at};

use super::{
    http::{Answer, Endpoint, Link, PAUSE, let_in},
    use_of_session::{Kind, Outcome, Window},
};

const PATH: &str = "/session/events";
/// The event that says it.
const SIGNED_OUT: &str = "event: signed-out";

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
        let counts = let_in(self.ask()).await;
        counts.map_err(|seen| format!("{}{PATH}: {seen}", self.link.endpoint.shown))
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
        let response = self.link.get(PATH, "text/event-stream", &self.cookie).await?;
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
