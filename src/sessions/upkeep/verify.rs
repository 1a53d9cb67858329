//! Compares catalogue and store in both directions: `gatehouse sessions verify` prints the differences and repairs them.

use std::collections::HashSet;

use crate::{
    clock::now,
    error::Error,
    sessions::{
        catalogue::{
            due::{self, LiveSession},
            end::{EndRequest, Target},
            end_reason::EndReason,
        },
        service::{Backend, Sessions},
    },
};

/// Sessions that are compared at once.
const CHUNK: i64 = 1_000;

/// So many sessions or entries are not without a counterpart by accident, when none has one.
const MANY: usize = 10;

/// The differences between catalogue and store.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Differences {
    /// How many live sessions were compared.
    pub live: usize,
    /// How many entries of the store were compared.
    pub entries: usize,
    /// Live sessions whose entry the store has lost: their cookies don't work.
    pub missing: Vec<LiveSession>,
    /// Sessions that have expired and wait for the sweep.
    pub expired: Vec<LiveSession>,
    /// Sessions whose sign-in was interrupted before the store had their state.
    pub never_stored: Vec<LiveSession>,
    /// The store keys of entries without a live session: they can't be used to sign in.
    pub stray: Vec<String>,
}

impl Differences {
    /// Whether catalogue and store agree.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
            && self.expired.is_empty()
            && self.never_stored.is_empty()
            && self.stray.is_empty()
    }

    /// Why these may not be the catalogue and the store of one site, which a repair would then end all sessions of: many, and nothing in
    /// common.
    pub fn doubt(&self) -> Option<String> {
        let active = self.live - self.expired.len() - self.never_stored.len();
        if active >= MANY && self.missing.len() == active {
            return Some(format!(
                "the store has none of the {active} active sessions; is REDIS_URL that of the server?"
            ));
        }
        let entries = self.entries;
        (entries >= MANY && self.stray.len() == entries).then(|| {
            format!("none of the {entries} entries of the store has a session; are DATABASE_URL and REDIS_URL those of the server?")
        })
    }
}

impl Sessions {
    /// Finds the differences. Sign-ins and ends that happen meanwhile may appear as differences; they do not appear again in a
    /// second comparison.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub async fn verify(&self) -> Result<Differences, Error> {
        let mut differences = Differences::default();
        // The store is read first, so that an entry that is created meanwhile is not taken for a stray one.
        let entries: HashSet<String> = match &self.backend {
            Backend::Redis(redis) => redis.all_store_keys().await?.into_iter().collect(),
            Backend::Sql => HashSet::new(),
        };
        differences.entries = entries.len();
        let mut live_keys: HashSet<String> = HashSet::new();
        let mut after = String::new();
        loop {
            let from = after.clone();
            let chunk =
                self.db.with_long_timeout().run(move |conn| due::live_after(conn, &from, CHUNK)).await?;
            let Some(last) = chunk.last() else {
                break;
            };
            after = last.id.clone();
            differences.live += chunk.len();
            self.compare_chunk(&chunk, &mut differences).await?;
            live_keys.extend(chunk.into_iter().filter_map(|session| session.store_key));
        }
        differences.stray = entries.into_iter().filter(|key| !live_keys.contains(key)).collect();
        differences.stray.sort();
        Ok(differences)
    }

    /// Compares a chunk of live sessions with the store.
    async fn compare_chunk(&self, chunk: &[LiveSession], differences: &mut Differences) -> Result<(), Error> {
        let at = now();
        let keys: Vec<&str> = chunk.iter().filter_map(|session| session.store_key.as_deref()).collect();
        let stored: HashSet<&str> = match &self.backend {
            Backend::Redis(redis) => {
                let left = redis.time_left(&keys).await?;
                keys.iter().zip(left).filter(|(_, left)| left.is_some()).map(|(key, _)| *key).collect()
            }
            Backend::Sql => chunk
                .iter()
                .filter(|session| session.state.is_some())
                .filter_map(|session| session.store_key.as_deref())
                .collect(),
        };
        for session in chunk {
            match &session.store_key {
                None => differences.never_stored.push(session.clone()),
                Some(_) if session.expires_at <= at => differences.expired.push(session.clone()),
                Some(key) if !stored.contains(key.as_str()) => differences.missing.push(session.clone()),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Ends sessions that have no entry or have expired, and deletes entries that have no session.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be reached; what was repaired by then stays repaired.
    pub async fn repair(&self, differences: &Differences) -> Result<(), Error> {
        for (target, reason) in [
            (Target::UnchangedKey(differences.missing.clone()), EndReason::Missing),
            (Target::UnchangedKey(differences.never_stored.clone()), EndReason::Missing),
            (Target::Expired(differences.expired.clone()), EndReason::Idle),
        ] {
            self.end(target, EndRequest::by_system(reason)).await?;
        }
        if let Backend::Redis(redis) = &self.backend {
            redis.delete_all(&differences.stray).await?;
        }
        Ok(())
    }
}
