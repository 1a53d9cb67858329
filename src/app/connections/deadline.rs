//! Deadlines of a connection: of what is read, and of the progress of what is written. Both cost nothing until somebody is slow.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// Longest time that answers may wait for their reader without [`MIN_PROGRESS`].
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes that a reader has to take in [`WRITE_TIMEOUT`]; less than a kilobyte a second.
const MIN_PROGRESS: usize = 16 * 1024;

/// The time for what is read in one turn.
#[derive(Default)]
pub(super) struct ReadDeadline {
    timer: Option<(u64, Pin<Box<Sleep>>)>,
}

impl ReadDeadline {
    /// Starts the time of this turn, unless it runs already. Returns whether it is over.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>, turn: u64, time: Duration) -> bool {
        match &mut self.timer {
            Some((of, _)) if *of == turn => {}
            Some((of, timer)) => {
                *of = turn;
                timer.as_mut().reset(Instant::now() + time);
            }
            None => self.timer = Some((turn, Box::pin(sleep(time)))),
        }
        self.has_passed(cx, turn)
    }

    /// Whether the time of this turn was started and is over.
    pub(super) fn has_passed(&mut self, cx: &mut Context<'_>, turn: u64) -> bool {
        self.timer.as_mut().is_some_and(|(of, timer)| *of == turn && timer.as_mut().poll(cx).is_ready())
    }
}

/// How long answers have waited for their reader.
#[derive(Default)]
pub(super) struct Stall {
    timer: Option<Pin<Box<Sleep>>>,
    progress: usize,
}

impl Stall {
    /// Notes that nothing more can be written now. Returns whether that has lasted too long.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| {
            self.progress = 0;
            Box::pin(sleep(WRITE_TIMEOUT))
        });
        matches!(timer.as_mut().poll(cx), Poll::Ready(()))
    }

    /// Notes bytes that the reader has made place for.
    pub(super) fn wrote(&mut self, count: usize) {
        if self.timer.is_some() {
            self.progress += count;
            if self.progress >= MIN_PROGRESS {
                self.end();
            }
        }
    }

    /// Notes that everything was written.
    pub(super) fn end(&mut self) {
        self.timer = None;
    }
}
