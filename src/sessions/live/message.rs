//! The messages that instances and open streams exchange about sessions. Ids are public session ids.

use serde::{Deserialize, Serialize};

use crate::sessions::catalogue::end_reason::EndReason;

/// Something that happened to sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Sessions started.
    Started {
        /// Which.
        ids: Vec<String>,
        /// The ids of their users.
        #[serde(default)]
        users: Vec<i64>,
    },
    /// Sessions ended, all for the same reason.
    Ended {
        /// Which.
        ids: Vec<String>,
        /// The ids of their users.
        #[serde(default)]
        users: Vec<i64>,
        /// Why.
        reason: EndReason,
        /// What its users read about it. Its name in messages is that of versions that knew no other text.
        #[serde(rename = "note")]
        message: Option<String>,
        /// What only administrators read about it.
        #[serde(default, rename = "record")]
        note: Option<String>,
        /// The user who ended them; `None`: the system.
        by: Option<i64>,
    },
    /// Sessions were used.
    Seen {
        /// Which.
        ids: Vec<String>,
    },
    /// Accounts were changed: the rights of their sessions must be checked again.
    AccountsChanged,
    /// Some messages were lost.
    Missed,
    /// Keeps the link between instances alive.
    #[serde(rename = "beat")]
    Heartbeat,
}
