use serde::{Deserialize, Serialize};

/// What happened. Ids are public session ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Sessions started.
    Started {
        /// Which.
        ids: Vec<String>,
    },
    /// Sessions ended, for the same reason.
    Ended {
        /// Which.
        ids: Vec<String>,
        /// The name of the reason.
        reason: String,
        /// What the administrator wrote.
        note: Option<String>,
        /// The user who did it; none: the system.
        by: Option<i64>,
    },
    /// Sessions were used.
    Seen {
        /// Which.
        ids: Vec<String>,
    },
    /// Accounts were changed: what their sessions may do is to be looked at again.
    AccountsChanged,
    /// Some messages were lost.
    Missed,
    /// The link between the instances is alive.
    Beat,
}
