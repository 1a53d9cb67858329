//! The entries of sessions in Redis. actix-session's own store creates entries and deletes entries by their keys. What it does
//! unsafely (its update creates a missing entry) or not at all is done here in the same format.

use std::time::Duration;

use actix_session::storage::{SessionKey, SessionStore as _, generate_session_key};

use super::{actix_store::save, client::Redis};
use crate::{
    crypto::sha256_hex,
    error::Error,
    sessions::{
        duration::time_duration,
        store::{
            key::{Key, PREFIX, PROBE},
            state::State,
        },
    },
};

/// Entries in one pipeline or one step of a scan.
const BATCH: usize = 1_000;

impl Redis {
    /// Reads an entry and renews its lifetime in one round trip; never creates one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn get_and_renew(&self, store_key: &str, ttl: Duration) -> Result<Option<String>, Error> {
        let mut command = redis::cmd("GETEX");
        command.arg(entry(store_key)).arg("EX").arg(ttl.as_secs());
        let read = async || self.with_timeout(async |connection| command.query_async(connection).await).await;
        self.read_twice_if(Option::is_none, read).await
    }

    /// Creates an entry under a new random key. Returns the key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn create(&self, state: State, ttl: Duration) -> Result<SessionKey, Error> {
        if !self.servers.is_cluster() {
            let ttl = time_duration(ttl);
            return self.call_actix_store(async |actix| save(&actix.store, state, ttl).await).await;
        }
        // actix-session's store speaks to one server, and draws the key, which decides on the node, itself.
        let key = generate_session_key();
        let body = serde_json::to_string(&state).map_err(Error::internal)?;
        self.put_all(&[(&sha256_hex(key.as_ref()), body, time_duration(ttl))]).await?;
        Ok(key)
    }

    /// Updates an entry. Returns `false` when it does not exist; then none is created.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn update(&self, store_key: &str, state: &State, ttl: Duration) -> Result<bool, Error> {
        let body = serde_json::to_string(state).map_err(Error::internal)?;
        let mut command = redis::pipe();
        command.cmd("SET").arg(entry(store_key)).arg(body).arg("XX").arg("EX").arg(ttl.as_secs());
        let set = async || self.run::<(Option<String>,)>(&command).await;
        let (done,) = self.read_twice_if(|(done,)| done.is_none(), set).await?;
        Ok(done.is_some())
    }

    /// Writes entries under these store keys: store key, state, time left. One round trip for each [`BATCH`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn put_all(&self, entries: &[(&str, String, time::Duration)]) -> Result<(), Error> {
        for entries in entries.chunks(BATCH) {
            let mut commands = redis::pipe();
            for (store_key, state, left) in entries {
                let seconds = left.whole_seconds().max(1);
                commands.cmd("SET").arg(entry(store_key)).arg(state).arg("EX").arg(seconds).ignore();
            }
            self.run::<()>(&commands).await?;
        }
        Ok(())
    }

    /// Deletes the entry of a key. Does nothing when actix-session would not accept the key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn delete_by_key(&self, key: Key) -> Result<(), Error> {
        if self.servers.is_cluster() {
            return self.delete(&key.store_key()).await.map(drop);
        }
        let Some(secret) = key.into_secret() else {
            return Ok(());
        };
        self.call_actix_store(async |actix| actix.store.delete(&secret).await).await
    }

    /// Deletes an entry by its store key. Returns whether it existed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn delete(&self, store_key: &str) -> Result<bool, Error> {
        let mut command = redis::pipe();
        command.cmd("UNLINK").arg(entry(store_key));
        let (count,): (u64,) = self.run(&command).await?;
        Ok(count == 1)
    }

    /// Deletes entries by their store keys in one round trip.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn delete_all(&self, store_keys: &[String]) -> Result<(), Error> {
        if store_keys.is_empty() {
            return Ok(());
        }
        let mut commands = redis::pipe();
        for store_key in store_keys {
            commands.cmd("UNLINK").arg(entry(store_key)).ignore();
        }
        self.run(&commands).await
    }

    /// The remaining lifetime of each entry, in the order of the keys; `None` when it does not exist. One round trip.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn time_left(&self, store_keys: &[&str]) -> Result<Vec<Option<Duration>>, Error> {
        if store_keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = redis::pipe();
        for store_key in store_keys {
            commands.cmd("PTTL").arg(entry(store_key));
        }
        let read = async || self.run::<Vec<i64>>(&commands).await;
        let left = self.read_twice_if(|left| left.iter().any(|millis| *millis < 0), read).await?;
        Ok(left.into_iter().map(|millis| u64::try_from(millis).ok().map(Duration::from_millis)).collect())
    }

    /// The stored JSON of an entry, without renewing its lifetime.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn get(&self, store_key: &str) -> Result<Option<String>, Error> {
        let mut command = redis::pipe();
        command.cmd("GET").arg(entry(store_key));
        let read = async || self.run::<(Option<String>,)>(&command).await;
        let (value,) = self.read_twice_if(|(value,)| value.is_none(), read).await?;
        Ok(value)
    }

    /// The store keys of all entries, of every master. Scans the whole database: for `sessions verify`, never for a page.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time.
    pub async fn all_store_keys(&self) -> Result<Vec<String>, Error> {
        let mut keys = Vec::new();
        for master in self.masters().await? {
            let mut cursor: u64 = 0;
            loop {
                let mut command = redis::cmd("SCAN");
                command.arg(cursor).arg("MATCH").arg(format!("{PREFIX}*")).arg("COUNT").arg(BATCH);
                let (next, found) = self.run_at::<(u64, Vec<String>)>(&master, &command).await?;
                let found =
                    found.iter().filter_map(|key| key.strip_prefix(PREFIX)).filter(|key| *key != PROBE);
                keys.extend(found.map(str::to_owned));
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        Ok(keys)
    }
}

/// The Redis key of an entry.
fn entry(store_key: &str) -> String {
    format!("{PREFIX}{store_key}")
}
