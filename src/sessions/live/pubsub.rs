//! The link between instances: Redis pub/sub. Nothing waits for it; while it is down each instance finds out by itself
//! what happened to the sessions it is asked about, only later.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{event_bus::Hub, message::Message};
use crate::{error::Error, security::random_hex, sessions::store::redis::Redis};

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// How often each instance says something, so that a link that hangs is noticed.
const BEAT: Duration = Duration::from_secs(3);
/// A link that brings nothing for so long is made anew.
const SILENCE: Duration = Duration::from_secs(10);

/// A message and the instance that it comes from.
#[derive(Serialize, Deserialize)]
struct Envelope {
    from: String,
    #[serde(flatten)]
    message: Message,
}

/// Carries messages both ways for as long as it is polled.
pub(crate) async fn run(redis: &Redis, live: &Hub, outbound: mpsc::Receiver<Message>) {
    let own = random_hex::<8>();
    tokio::join!(send(redis, live, outbound, &own), receive(redis, live, &own));
}

async fn send(redis: &Redis, live: &Hub, mut outbound: mpsc::Receiver<Message>, own: &str) {
    let mut beat = tokio::time::interval(BEAT);
    let mut missing = false;
    loop {
        let message = tokio::select! {
            message = outbound.recv() => match message {
                Some(message) => message,
                None => return,
            },
            _ = beat.tick() => Message::Beat,
        };
        missing = say_all(redis, own, missing || live.has_dropped(), message).await;
    }
}

/// Sends what waits, and no more.
pub(crate) async fn send_waiting(redis: &Redis, live: &Hub, outbound: &mut mpsc::Receiver<Message>) {
    let mut missing = live.has_dropped();
    while let Ok(message) = outbound.try_recv() {
        missing = say_all(redis, "", missing, message).await;
    }
}

/// Says first that something is `missing`, where it is; whether something is missing then.
async fn say_all(redis: &Redis, own: &str, missing: bool, message: Message) -> bool {
    if missing && !say(redis, own, Message::Missed).await {
        return true;
    }
    let matters = message != Message::Beat;
    !say(redis, own, message).await && matters
}

async fn say(redis: &Redis, own: &str, message: Message) -> bool {
    let envelope = Envelope { from: own.to_owned(), message };
    let said = match serde_json::to_string(&envelope) {
        Ok(text) => redis.publish(&text).await,
        Err(error) => Err(Error::internal(error)),
    };
    if let Err(error) = &said {
        tracing::debug!(error = ?error.causes(), "the other instances could not be told");
    }
    said.is_ok()
}

async fn receive(redis: &Redis, live: &Hub, own: &str) {
    let mut retry = FIRST_RETRY;
    let mut complained = false;
    loop {
        match redis.subscribe().await {
            Ok(mut link) => {
                tracing::debug!("listening to the other instances");
                (retry, complained) = (FIRST_RETRY, false);
                // What was said before is lost.
                live.take_in(Message::Missed);
                let mut messages = link.on_message();
                while let Ok(Some(message)) = tokio::time::timeout(SILENCE, messages.next()).await {
                    match serde_json::from_slice::<Envelope>(message.get_payload_bytes()) {
                        Ok(envelope) if envelope.from == own || envelope.message == Message::Beat => {}
                        Ok(envelope) => live.take_in(envelope.message),
                        // A newer or older instance may say what this one doesn't know.
                        Err(error) => {
                            tracing::debug!(%error, "a message from another instance was not understood")
                        }
                    }
                }
                tracing::info!("the link to the other instances is lost, connecting again");
            }
            Err(error) => {
                if !complained {
                    tracing::warn!(error = ?error.causes(), "the other instances can't be heard, trying again");
                    complained = true;
                }
            }
        }
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(LAST_RETRY);
    }
}
