use std::collections::VecDeque;

use tokio::sync::watch;

use super::{end_message::Farewell, event_bus::Hub};

/// What a session that somebody listens for may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Its user is an active administrator.
    pub is_admin: bool,
    /// It has ended.
    pub ended: Option<Farewell>,
    /// The server stops.
    pub stopping: bool,
    /// The numbers of its streams; one that is not among them is over.
    pub(crate) streams: VecDeque<u64>,
}

/// Somebody listens for the end of a session.
pub struct Watch {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) standing: Option<watch::Receiver<Standing>>,
    pub(crate) hub: Hub,
}

impl Watch {
    /// Waits until what the session may do is such, or this stream is to make room for newer ones.
    pub async fn until(&mut self, mut such: impl FnMut(&Standing) -> bool) -> Standing {
        let number = self.number;
        match &mut self.standing {
            Some(standing) => {
                let found = standing.wait_for(|now| !now.streams.contains(&number) || such(now)).await;
                // The sender stays as long as this.
                found.map_or_else(|_| Standing::default(), |now| now.clone())
            }
            None => Standing::default(),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut room = self.hub.room();
        // While the room is locked, so that of two that leave one turns off the light.
        self.standing = None;
        let Some(sender) = room.watched.get(&self.id) else { return };
        if sender.receiver_count() == 0 {
            room.watched.remove(&self.id);
        } else {
            sender.send_if_modified(|standing| {
                standing.streams.retain(|number| *number != self.number);
                false
            });
        }
    }
}
