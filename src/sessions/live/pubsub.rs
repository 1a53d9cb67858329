//! The link between instances. Nothing waits for it: while it is down, each instance finds by its own checks
//! what happened to the sessions of its open streams, only later.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{event_bus::EventBus, link::Link, message::Message};
use crate::error::Error;

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// How often each instance publishes a heartbeat, so that a hanging link is noticed.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// A link that delivers nothing for so long is reconnected.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);

/// Messages that are sent together.
const BATCH: usize = 100;

/// A message with the id of the instance that published it.
#[derive(Serialize, Deserialize)]
struct Envelope {
    from: String,
    #[serde(flatten)]
    message: Message,
}

/// Sends and receives messages for as long as it is polled. `own` is the id of this instance.
pub async fn run(link: &Link<'_>, bus: &EventBus, outbound: mpsc::Receiver<Message>, own: &str) {
    tokio::join!(send(link, bus, outbound, own), receive(link, bus, own));
}

async fn send(link: &Link<'_>, bus: &EventBus, mut outbound: mpsc::Receiver<Message>, own: &str) {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    let mut missing = false;
    loop {
        let mut messages = Vec::new();
        tokio::select! {
            received = outbound.recv_many(&mut messages, BATCH) => if received == 0 { return },
            _ = heartbeat.tick() => messages.push(Message::Heartbeat),
        }
        missing = publish_after_missed(link, own, missing || bus.has_dropped(), messages).await;
    }
}

/// Sends the messages that are queued now, for processes that do not run [`run`].
pub async fn send_queued(link: &Link<'_>, bus: &EventBus, outbound: &mut mpsc::Receiver<Message>) {
    let messages: Vec<Message> = std::iter::from_fn(|| outbound.try_recv().ok()).collect();
    let missing = bus.has_dropped();
    if missing || !messages.is_empty() {
        publish_after_missed(link, "", missing, messages).await;
    }
}

/// Publishes [`Message::Missed`] first if messages are missing. Returns whether messages are missing afterwards.
async fn publish_after_missed(link: &Link<'_>, own: &str, missing: bool, mut messages: Vec<Message>) -> bool {
    if missing {
        messages.insert(0, Message::Missed);
    }
    let matter = messages.iter().any(|message| *message != Message::Heartbeat);
    !publish(link, own, messages).await && matter
}

/// Returns whether the link took all messages.
async fn publish(link: &Link<'_>, own: &str, messages: Vec<Message>) -> bool {
    let mut texts = Vec::new();
    let written =
        messages.into_iter().try_for_each(|message| write(own, message, link.longest(), &mut texts));
    let published = match written {
        Ok(()) => link.publish(texts).await,
        Err(error) => Err(Error::internal(error)),
    };
    if let Err(error) = &published {
        tracing::debug!(error = ?error.causes(), "the other instances could not be told");
    }
    published.is_ok()
}

/// Writes a message, in parts if it is longer than so many bytes. What can't be parted becomes [`Message::Missed`].
fn write(own: &str, message: Message, longest: usize, texts: &mut Vec<String>) -> serde_json::Result<()> {
    let envelope = Envelope { from: own.to_owned(), message };
    let text = serde_json::to_string(&envelope)?;
    if text.len() <= longest {
        texts.push(text);
        return Ok(());
    }
    match envelope.message.halves() {
        Some(halves) => halves.into_iter().try_for_each(|half| write(own, half, longest, texts)),
        None => write(own, Message::Missed, usize::MAX, texts),
    }
}

async fn receive(link: &Link<'_>, bus: &EventBus, own: &str) {
    let mut retry = FIRST_RETRY;
    let mut logged = false;
    loop {
        match link.subscribe().await {
            Ok(mut messages) => {
                tracing::debug!("listening to the other instances");
                (retry, logged) = (FIRST_RETRY, false);
                bus.set_linked(true);
                // Messages that were published before the subscription are lost.
                bus.publish_here(Message::Missed);
                while let Ok(Some(message)) = tokio::time::timeout(SILENCE_LIMIT, messages.next()).await {
                    receive_one(bus, own, &message);
                }
                drop(messages);
                bus.set_linked(false);
                tracing::info!("the link to the other instances is lost, connecting again");
            }
            Err(error) => {
                if !logged {
                    tracing::warn!(error = ?error.causes(), "the other instances can't be heard, trying again");
                    logged = true;
                }
            }
        }
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(LAST_RETRY);
    }
}

fn receive_one(bus: &EventBus, own: &str, payload: &[u8]) {
    match serde_json::from_slice::<Envelope>(payload) {
        Ok(envelope) if envelope.from == own || envelope.message == Message::Heartbeat => {}
        Ok(envelope) => bus.publish_here(envelope.message),
        // A newer or older instance may publish messages that this version does not know.
        Err(error) => tracing::debug!(%error, "a message from another instance was not understood"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{db::LONGEST_NOTIFICATION, sessions::catalogue::end_reason::EndReason};

    fn ended(count: usize, text: &str) -> Message {
        Message::Ended {
            ids: (0..count).map(|number| format!("{number:032}")).collect(),
            users: (0..count as i64).collect(),
            reason: EndReason::EndedByAdmin,
            message: Some(text.to_owned()),
            note: None,
            by: Some(1),
        }
    }

    #[test]
    fn long_message_is_sent_in_parts_that_say_the_same() {
        let mut texts = Vec::new();
        write("me", ended(1_000, "Ünterhaltung"), LONGEST_NOTIFICATION, &mut texts).unwrap();
        assert!(texts.len() > 1 && texts.iter().all(|text| text.len() <= LONGEST_NOTIFICATION));
        let (mut all_ids, mut all_users) = (Vec::new(), Vec::new());
        for text in texts {
            let envelope: Envelope = serde_json::from_str(&text).unwrap();
            let Message::Ended { ids, users, message: Some(message), by: Some(1), .. } = envelope.message
            else {
                panic!("{text}");
            };
            assert_eq!(message, "Ünterhaltung");
            all_ids.extend(ids);
            all_users.extend(users);
        }
        assert_eq!(all_ids.len(), 1_000);
        assert_eq!(all_users, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn message_that_can_not_be_parted_says_that_something_was_missed() {
        let mut texts = Vec::new();
        write("me", ended(1, &"\u{1}".repeat(2_000)), LONGEST_NOTIFICATION, &mut texts).unwrap();
        assert_eq!(texts, [r#"{"from":"me","kind":"missed"}"#]);
    }
}
