//! Counts in the database, where there is no Redis. The times are the database's own, in milliseconds: instances may disagree
//! about theirs. Parameters are numbered in the order in which they stand: SQLite takes their numbers for names.

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};

use super::{local_counts::Count, redis_counts::RESERVED, subject::Key};
use crate::{db::DbConnection, error::Error};

/// Rows that one statement deletes.
const BATCH: usize = 1_000;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = BigInt)]
    failures: i64,
    #[diesel(sql_type = BigInt)]
    wait: i64,
    #[diesel(sql_type = BigInt)]
    kept: i64,
}

impl Found {
    fn count(&self, key: Key) -> Count {
        let failures = count(self.failures);
        // A closed count is closed for as long as it is kept.
        let wait = if key.kind.policy().is_closed(failures) { self.kept } else { self.wait };
        Count { failures, wait: Duration::from_millis(wait.max(0).unsigned_abs()) }
    }
}

#[derive(QueryableByName)]
struct Failures {
    #[diesel(sql_type = BigInt)]
    failures: i64,
}

/// SQL for the time, in milliseconds.
fn now(conn: &DbConnection) -> &'static str {
    match conn {
        DbConnection::Postgres(_) => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
        DbConnection::Sqlite(_) => "CAST(unixepoch('subsec') * 1000 AS BIGINT)",
    }
}

/// Reads counts, in the order of the keys: one statement for up to two of them.
pub(super) fn read(conn: &mut DbConnection, keys: &[Key]) -> Result<Vec<Count>, Error> {
    let now = now(conn);
    let select = format!(
        "SELECT key, failures, open_at - {now} AS wait, expires_at - {now} AS kept FROM throttle_counts \
         WHERE key IN ($1, $2) AND expires_at > {now}"
    );
    let mut counts = Vec::new();
    for pair in keys.chunks(2) {
        let names: Vec<String> = pair.iter().map(Key::to_string).collect();
        let second = names.last().cloned().unwrap_or_default();
        let select = sql_query(&select).bind::<Text, _>(&names[0]).bind::<Text, _>(second);
        let found: Vec<Found> = select.load(conn)?;
        counts.extend(pair.iter().zip(&names).map(|(key, name)| {
            let found = found.iter().find(|found| found.key == *name);
            found.map_or_else(Count::default, |found| found.count(*key))
        }));
    }
    Ok(counts)
}

/// Lets one attempt through, of all that come at the same time. `false`: another one was quicker.
pub(super) fn reserve(conn: &mut DbConnection, key: Key) -> Result<bool, Error> {
    let now = now(conn);
    let update =
        format!("UPDATE throttle_counts SET open_at = {now} + $1 WHERE key = $2 AND open_at <= {now}");
    let update = sql_query(update).bind::<BigInt, _>(millis(RESERVED)).bind::<Text, _>(key.to_string());
    Ok(update.execute(conn)? == 1)
}

/// Counts a failure for each key. Returns the failures with it, in the order of the keys. To be called in a transaction.
pub(super) fn fail(conn: &mut DbConnection, keys: &[Key]) -> Result<Vec<u32>, Error> {
    let now = now(conn);
    let insert = format!(
        "INSERT INTO throttle_counts (key, failures, open_at, expires_at) VALUES ($1, 1, 0, {now} + $2) \
         ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at, failures = \
         CASE WHEN throttle_counts.expires_at <= {now} THEN 1 ELSE throttle_counts.failures + 1 END \
         RETURNING failures"
    );
    let update = format!("UPDATE throttle_counts SET open_at = {now} + $1 WHERE key = $2");
    // All transactions take the rows in one order, so that none waits for another in a circle.
    let mut ordered: Vec<Key> = keys.to_vec();
    ordered.sort_by_key(Key::to_string);
    let mut counted = Vec::new();
    for key in ordered {
        let policy = key.kind.policy();
        let insert =
            sql_query(&insert).bind::<Text, _>(key.to_string()).bind::<BigInt, _>(millis(policy.kept));
        let failures = count(insert.get_result::<Failures>(conn)?.failures);
        let wait = policy.wait(failures);
        if !wait.is_zero() {
            let update = sql_query(&update).bind::<BigInt, _>(millis(wait)).bind::<Text, _>(key.to_string());
            update.execute(conn)?;
        }
        counted.push((key, failures));
    }
    let failures_of =
        |key: &Key| counted.iter().find(|(other, _)| other == key).map_or(0, |(_, failures)| *failures);
    Ok(keys.iter().map(failures_of).collect())
}

/// Forgets a count.
pub(super) fn forget(conn: &mut DbConnection, key: Key) -> Result<(), Error> {
    sql_query("DELETE FROM throttle_counts WHERE key = $1").bind::<Text, _>(key.to_string()).execute(conn)?;
    Ok(())
}

/// Deletes counts that are no longer kept. Returns whether there may be more of them.
pub(super) fn delete_old(conn: &mut DbConnection) -> Result<bool, Error> {
    let now = now(conn);
    let old = format!("SELECT key FROM throttle_counts WHERE expires_at <= {now} LIMIT {BATCH}");
    let delete = format!("DELETE FROM throttle_counts WHERE key IN ({old}) AND expires_at <= {now}");
    Ok(sql_query(delete).execute(conn)? == BATCH)
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
