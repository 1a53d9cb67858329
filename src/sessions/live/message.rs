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

impl Message {
    /// Two messages that together say the same; `None` when there is nothing left to part.
    pub(super) fn halves(self) -> Option<[Self; 2]> {
        let (mut first, mut second) = (self.clone(), self);
        let halved = match (&mut first, &mut second) {
            (Self::Started { ids, users }, Self::Started { ids: more_ids, users: more_users })
            | (Self::Ended { ids, users, .. }, Self::Ended { ids: more_ids, users: more_users, .. }) => {
                halve(users, more_users);
                halve(ids, more_ids)
            }
            (Self::Seen { ids }, Self::Seen { ids: more_ids }) => halve(ids, more_ids),
            _ => false,
        };
        halved.then_some([first, second])
    }
}

/// Leaves the first half in one and the second in the other of two equal lists; `false` when the first half is empty.
fn halve<T>(first: &mut Vec<T>, second: &mut Vec<T>) -> bool {
    first.truncate(second.len() / 2);
    second.drain(..first.len());
    !first.is_empty()
}
