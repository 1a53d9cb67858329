//! What decides whether an attempt may be made now: the shared counts and those of this process.

use std::{sync::Arc, time::Duration};

use super::{
    local_counts::{Count, LocalCounts},
    policy::Kind,
    redis_counts::{self, RedisCommands},
    refusal::refusal,
    sql_counts,
    subject::{Key, Subjects},
};
use crate::{db::Db, error::Error, telemetry::metrics::Counts};

/// What the limits are made of.
pub(super) struct Limits {
    pub(super) local: LocalCounts,
    pub(super) subjects: Arc<Subjects>,
    pub(super) store: Store,
    /// How many attempts were refused, by kind.
    pub(super) refused: Counts<1>,
}

/// Where counts are that all instances share.
pub(super) enum Store {
    Redis(Arc<dyn RedisCommands>),
    Sql(Db),
}

impl Limits {
    /// Whether an attempt may be made now. Returns the failures so far, in the order of the keys. Beyond what is free, one that counts
    /// in a row is let through alone, of all instances.
    pub(super) async fn admit(&self, keys: &[Key]) -> Result<Vec<u32>, Error> {
        let known = match &self.store {
            Store::Redis(redis) => redis_counts::read(redis.as_ref(), keys).await,
            Store::Sql(db) => {
                let keys = keys.to_vec();
                db.run(move |conn| sql_counts::read(conn, &keys)).await
            }
        };
        let known = known.inspect_err(store_away).ok();
        let mut so_far = Vec::with_capacity(keys.len());
        for (index, key) in keys.iter().enumerate() {
            let known = known.as_ref().and_then(|known| known.get(index).copied());
            let Count { failures, wait } = self.local.count(*key, known);
            if !wait.is_zero() {
                return Err(self.refuse(key.kind, failures, wait));
            }
            so_far.push(failures);
        }
        for (key, count) in keys.iter().zip(known.into_iter().flatten()) {
            let alone = key.kind.is_in_a_row() && count.failures >= key.kind.policy().free;
            if alone && !self.reserve(*key).await.unwrap_or(true) {
                return Err(self.refuse(key.kind, count.failures, Duration::ZERO));
            }
        }
        Ok(so_far)
    }

    /// The answer to an attempt for which others have to end first. A wait that this process knows of needs no patience.
    pub(super) fn known_wait(&self, keys: &[Key]) -> Option<Error> {
        let counts = keys.iter().map(|key| (key, self.local.count(*key, None)));
        let (key, count) = counts.into_iter().find(|(_, count)| !count.wait.is_zero())?;
        Some(self.refuse(key.kind, count.failures, count.wait))
    }

    /// Refuses an attempt.
    pub(super) fn refuse(&self, kind: Kind, failures: u32, wait: Duration) -> Error {
        self.refused.add([("kind", kind.name())]);
        refusal(kind, failures, wait)
    }

    async fn reserve(&self, key: Key) -> Result<bool, Error> {
        match &self.store {
            Store::Redis(redis) => redis_counts::reserve(redis.as_ref(), key).await,
            Store::Sql(db) => db.run(move |conn| sql_counts::reserve(conn, key)).await,
        }
    }

    /// Counts a failure. Returns the failures with it, in the order of the keys.
    pub(super) async fn fail(&self, keys: &[Key]) -> Vec<u32> {
        let known = match &self.store {
            Store::Redis(redis) => redis_counts::fail(redis.as_ref(), keys).await,
            Store::Sql(db) => {
                let keys = keys.to_vec();
                db.transaction(move |conn| sql_counts::fail(conn, &keys)).await
            }
        };
        let known = known.inspect_err(store_away).ok();
        let known = |index: usize| known.as_ref().and_then(|known| known.get(index).copied());
        keys.iter().enumerate().map(|(index, key)| self.local.fail(*key, known(index))).collect()
    }

    /// Forgets a count. Where the store is away it keeps what it has.
    pub(super) async fn forget(&self, key: Key) {
        self.local.forget(key);
        let forgotten = match &self.store {
            Store::Redis(redis) => redis_counts::forget(redis.as_ref(), key).await,
            Store::Sql(db) => db.run(move |conn| sql_counts::forget(conn, key)).await,
        };
        if let Err(error) = forgotten {
            store_away(&error);
        }
    }
}

/// While the store is away, each process counts by itself.
fn store_away(error: &Error) {
    tracing::warn!(error = ?error.causes(), "failures are counted by this process alone for now");
}
