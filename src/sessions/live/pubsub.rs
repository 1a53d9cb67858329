//! The link between instances: Redis pub/sub. Nothing waits for it: while it is down, each instance finds by its own checks
//! what happened to the sessions of its open streams, only later.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{event_bus::EventBus, message::Message};
use crate::{error::Error, sessions::store::redis::Redis};

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// How often each instance publishes a heartbeat, so that a hanging link is noticed.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// A link that delivers nothing for so long is reconnected.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);

/// A message with the id of the instance that published it.
#[derive(Serialize, Deserialize)]
struct Envelope {
    from: String,
    #[serde(flatten)]
    message: Message,
}

/// Sends and receives messages for as long as it is polled. `own` is the id of this instance.
pub async fn run(redis: &Redis, bus: &EventBus, outbound: mpsc::Receiver<Message>, own: &str) {
    tokio::join!(send(redis, bus, outbound, own), receive(redis, bus, own));
}

async fn send(redis: &Redis, bus: &EventBus, mut outbound: mpsc::Receiver<Message>, own: &str) {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    let mut missing = false;
    loop {
        let message = tokio::select! {
            message = outbound.recv() => match message {
                Some(message) => message,
                None => return,
            },
            _ = heartbeat.tick() => Message::Heartbeat,
        };
        missing = publish_after_missed(redis, own, missing || bus.has_dropped(), message).await;
    }
}

/// Sends the messages that are queued now, for processes that do not run [`run`].
pub async fn send_queued(redis: &Redis, bus: &EventBus, outbound: &mut mpsc::Receiver<Message>) {
    let mut missing = bus.has_dropped();
    while let Ok(message) = outbound.try_recv() {
        missing = publish_after_missed(redis, "", missing, message).await;
    }
}

/// Publishes [`Message::Missed`] first if messages are missing. Returns whether messages are missing afterwards.
async fn publish_after_missed(redis: &Redis, own: &str, missing: bool, message: Message) -> bool {
    if missing && !publish(redis, own, Message::Missed).await {
        return true;
    }
    let matters = message != Message::Heartbeat;
    !publish(redis, own, message).await && matters
}

/// Returns whether Redis took the message.
async fn publish(redis: &Redis, own: &str, message: Message) -> bool {
    let envelope = Envelope { from: own.to_owned(), message };
    let published = match serde_json::to_string(&envelope) {
        Ok(text) => redis.publish(&text).await,
        Err(error) => Err(Error::internal(error)),
    };
    if let Err(error) = &published {
        tracing::debug!(error = ?error.causes(), "the other instances could not be told");
    }
    published.is_ok()
}

async fn receive(redis: &Redis, bus: &EventBus, own: &str) {
    let mut retry = FIRST_RETRY;
    let mut logged = false;
    loop {
        match redis.subscribe().await {
            Ok(mut link) => {
                tracing::debug!("listening to the other instances");
                (retry, logged) = (FIRST_RETRY, false);
                bus.set_linked(true);
                // Messages that were published before the subscription are lost.
                bus.publish_here(Message::Missed);
                let mut messages = link.on_message();
                while let Ok(Some(message)) = tokio::time::timeout(SILENCE_LIMIT, messages.next()).await {
                    receive_one(bus, own, message.get_payload_bytes());
                }
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
