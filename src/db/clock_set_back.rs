//! SQLite alone goes by the clock of the machine. Where that was ahead and was set right, what it has dated later than now would count
//! for too long: sessions, links and waits. None of it is kept.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Timestamp},
};
use time::{Duration, PrimitiveDateTime};

use super::{
    connection::DbConnection,
    schema::samples,
    transaction::{sqlite_of, transaction},
};
use crate::{clock::now, error::Error};

/// A clock that was ahead by no more than this is none that was set right.
pub(super) const LEEWAY: Duration = Duration::minutes(1);

/// Rows that are deleted when this column is later than `?1`.
const FORGOTTEN: [(&str, &str); 6] = [
    ("tokens", "created_at"),
    ("trusted_browsers", "created_at"),
    ("sign_in_notices", "created_at"),
    ("rotated_keys", "rotated_at"),
    ("site_cookies", "made_at"),
    ("samples", "at"),
];

/// `?1` is the latest time that counts, `?2` is now.
const SET: [&str; 4] = [
    "UPDATE sessions SET expires_at = ?2 WHERE ended_at IS NULL AND max(created_at, last_seen_at) > ?1",
    "UPDATE secrets SET since = ?2 WHERE since > ?1",
    "UPDATE bulk_ends SET moved_at = ?2 WHERE moved_at > ?1",
    "UPDATE mails SET due_at = ?2 WHERE due_at > ?1 AND given_up_at IS NULL",
];

/// Takes back what was dated later than now, when the clock is known to have been set back or the number of active sessions, which
/// is recorded each minute, was recorded later than now.
pub(super) fn repair(conn: &mut DbConnection, was_set_back: bool) -> Result<(), Error> {
    let now = now();
    let latest = now.saturating_add(LEEWAY);
    let is_recorded_later = samples::table.filter(samples::at.gt(latest));
    if !was_set_back && !diesel::select(diesel::dsl::exists(is_recorded_later)).get_result(conn)? {
        return Ok(());
    }
    transaction(conn, |conn| take_back(conn, now, latest))?;
    tracing::warn!(
        "the clock of this machine was ahead: what was dated later than now is over, sign-ins and links among it"
    );
    Ok(())
}

fn take_back(
    conn: &mut DbConnection,
    now: PrimitiveDateTime,
    latest: PrimitiveDateTime,
) -> Result<(), Error> {
    let sqlite = sqlite_of(conn)?;
    for (table, column) in FORGOTTEN {
        let delete = sql_query(format!("DELETE FROM {table} WHERE {column} > ?1"));
        delete.bind::<Timestamp, _>(latest).execute(sqlite)?;
    }
    for update in SET {
        sql_query(update).bind::<Timestamp, _>(latest).bind::<Timestamp, _>(now).execute(sqlite)?;
    }
    // Failures and waits of all: which of them are too long can't be told.
    sql_query("DELETE FROM throttle_counts").execute(sqlite)?;
    let step = now.assume_utc().unix_timestamp() / 30;
    let steps = sql_query("UPDATE authenticators SET last_step = ?1 WHERE last_step > ?1");
    steps.bind::<BigInt, _>(step).execute(sqlite)?;
    Ok(())
}
