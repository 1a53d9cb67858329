//! What carries messages between instances: pub/sub of Redis, or notifications of Postgres where there is no Redis.

use futures_util::{Stream, StreamExt as _, stream};

use crate::{
    db::{Db, LONGEST_NOTIFICATION},
    error::Error,
    sessions::store::redis::Redis,
};

/// What carries messages between instances.
pub enum Link<'a> {
    /// Pub/sub.
    Redis(&'a Redis),
    /// `LISTEN` and `NOTIFY`.
    Postgres(&'a Db),
}

impl Link<'_> {
    /// The longest text that it carries, in bytes.
    pub(super) fn longest(&self) -> usize {
        match self {
            Self::Redis(_) => usize::MAX,
            Self::Postgres(_) => LONGEST_NOTIFICATION,
        }
    }

    /// Sends texts to all instances, this one too, in order.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not take them all.
    pub(super) async fn publish(&self, texts: Vec<String>) -> Result<(), Error> {
        match self {
            Self::Redis(redis) => {
                for text in texts {
                    redis.publish(&text).await?;
                }
                Ok(())
            }
            Self::Postgres(db) => db.notify(texts).await,
        }
    }

    /// What all instances send from now on; ends when the connection is lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection.
    pub(super) async fn subscribe(&self) -> Result<impl Stream<Item = Vec<u8>> + Unpin + use<>, Error> {
        Ok(match self {
            Self::Redis(redis) => {
                let messages = redis.subscribe().await?.into_on_message();
                messages.map(|message| message.get_payload_bytes().to_vec()).boxed()
            }
            Self::Postgres(db) => {
                let receiver = db.listen().await?;
                let next = async |mut receiver: tokio::sync::mpsc::Receiver<String>| {
                    receiver.recv().await.map(|text| (text.into_bytes(), receiver))
                };
                stream::unfold(receiver, next).boxed()
            }
        })
    }
}
