//! Compares catalogue and store both ways: what `gatehouse sessions verify` prints and repairs.

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

const CHUNK: i64 = 1_000;

/// What differs between catalogue and store.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Differences {
    /// Live sessions compared.
    pub live: usize,
    /// Entries of the store compared.
    pub entries: usize,
    /// Live in the catalogue, unknown to the store: their cookies don't work.
    pub missing: Vec<LiveSession>,
    /// Expired, but not yet ended by the sweep.
    pub expired: Vec<LiveSession>,
    /// A sign-in that was cut off before its state was stored.
    pub never_stored: Vec<LiveSession>,
    /// In the store without a live session: nobody can sign in with them. Store keys.
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
}

impl Sessions {
    /// Finds the differences. Sign-ins and ends that happen meanwhile may show up; ask again to tell.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub async fn verify(&self) -> Result<Differences, Error> {
        let mut differences = Differences::default();
        // The store is read first: an entry that is made meanwhile is then no stray.
        let entries: HashSet<String> = match &self.backend {
            Backend::Redis(redis) => redis.all_store_keys().await?.into_iter().collect(),
            Backend::Sql => HashSet::new(),
        };
        differences.entries = entries.len();
        let mut known: HashSet<String> = HashSet::new();
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
            self.sort_chunk(chunk, &mut differences, &mut known).await?;
        }
        differences.stray = entries.into_iter().filter(|key| !known.contains(key)).collect();
        differences.stray.sort();
        Ok(differences)
    }

    async fn sort_chunk(
        &self,
        chunk: Vec<LiveSession>,
        differences: &mut Differences,
        known: &mut HashSet<String>,
    ) -> Result<(), Error> {
        let at = now();
        let keys: Vec<&str> = chunk.iter().filter_map(|live| live.store_key.as_deref()).collect();
        let there: HashSet<&str> = match &self.backend {
            Backend::Redis(redis) => {
                let left = redis.time_left(&keys).await?;
                keys.iter().zip(left).filter(|(_, left)| left.is_some()).map(|(key, _)| *key).collect()
            }
            Backend::Sql => chunk
                .iter()
                .filter(|live| live.state.is_some())
                .filter_map(|live| live.store_key.as_deref())
                .collect(),
        };
        for live in &chunk {
            match &live.store_key {
                None => differences.never_stored.push(live.clone()),
                Some(_) if live.expires_at <= at => differences.expired.push(live.clone()),
                Some(key) if !there.contains(key.as_str()) => differences.missing.push(live.clone()),
                Some(_) => {}
            }
        }
        known.extend(chunk.iter().filter_map(|live| live.store_key.clone()));
        Ok(())
    }

    /// Ends what has no entry and deletes entries that have no session.
    pub async fn repair(&self, differences: &Differences) -> Result<(), Error> {
        for (which, reason) in [
            (Target::UnchangedKey(differences.missing.clone()), EndReason::Missing),
            (Target::UnchangedKey(differences.never_stored.clone()), EndReason::Missing),
            (Target::Expired(differences.expired.clone()), EndReason::Idle),
        ] {
            self.end(which, EndRequest::by_system(reason)).await?;
        }
        if let Backend::Redis(redis) = &self.backend {
            redis.delete_all(&differences.stray).await?;
        }
        Ok(())
    }
}
