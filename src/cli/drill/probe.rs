//! An address that is asked with the session's cookie, again and again until it refuses it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout, timeout_at};

use super::{
    http::{Answer, LONGEST_REQUEST, Link, NO_ANSWER, PAUSE, let_in},
    plan::Asked,
    use_of_session::{Outcome, Window},
};

/// An instance that takes longer hangs, whatever it has answered before.
const HANGS: Duration = Duration::from_secs(1);

/// An address that is asked again and again, over one connection.
pub(super) struct Probe {
    asked: Asked,
    link: Link,
    cookie: Arc<str>,
}

impl Probe {
    pub(super) fn new(asked: Asked, cookie: Arc<str>) -> Self {
        Self { link: Link::new(asked.endpoint.clone()), asked, cookie }
    }

    /// Checks that the session counts there.
    pub(super) async fn open(&mut self) -> Result<(), String> {
        let counts = let_in(self.ask()).await;
        counts.map_err(|seen| format!("{}{}: {seen}", self.asked.endpoint.shown, self.asked.path))
    }

    /// Asks until the session is refused, or it is too late.
    pub(super) async fn until_refused(&mut self, window: Window) -> Outcome {
        let mut seen = None;
        let refused = loop {
            let asked = Instant::now();
            match timeout_at(window.deadline, self.ask()).await {
                Ok(Ok(Answer::Refused)) => break Ok(window.began.elapsed()),
                Ok(Ok(answer)) => seen = Some(answer.shown()),
                Ok(Err(error)) => seen = Some(error),
                // The time may be over just while an instance is asked that has answered again and again.
                Err(_) => {
                    break Err(seen.filter(|_| asked.elapsed() < HANGS).unwrap_or(NO_ANSWER.to_owned()));
                }
            }
            if timeout_at(window.deadline, sleep(PAUSE)).await.is_err() {
                break Err(seen.unwrap_or_default());
            }
        };
        let (kind, at) = (self.asked.kind, self.asked.endpoint.shown.clone());
        Outcome { kind, at, path: self.asked.path.clone(), refused }
    }

    /// Asks once more, after all have refused: nothing that was in flight may have brought the session back.
    pub(super) async fn confirm(&mut self, outcome: &mut Outcome) {
        if outcome.refused.is_ok()
            && let Ok(Ok(answer @ Answer::LetIn(_))) = timeout(LONGEST_REQUEST, self.ask()).await
        {
            outcome.refused = Err(format!("{} again", answer.shown()));
        }
    }

    async fn ask(&mut self) -> Result<Answer, String> {
        let response = self.link.get(&self.asked.path, "application/json", &self.cookie).await?;
        Ok(Answer::of_whole(response).await)
    }
}
