//! How long what has happened is kept.

use std::time::Duration;

use super::reader::{DAY, Reader};

/// The shortest history.
const MIN: Duration = Duration::from_secs(1);

/// How long what has happened is kept; `None`: forever.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// `SESSION_HISTORY`: how long sessions are kept after their end. Default: `365d`.
    pub sessions: Option<Duration>,
    /// `EVENT_HISTORY`: how long events of the security log are kept. Default: `365d`.
    pub events: Option<Duration>,
}

impl History {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Some(365 * DAY);
        Self {
            sessions: reader.duration_or_forever("SESSION_HISTORY", default, MIN),
            events: reader.duration_or_forever("EVENT_HISTORY", default, MIN),
        }
    }
}
