//! Deletes what is older than `SESSION_HISTORY` and `EVENT_HISTORY`, and links that have expired. Any number of instances
//! may do so: a row that another one has deleted is not found.

use std::{sync::Arc, time::Duration};

use diesel::{RunQueryDsl as _, sql_query, sql_types::Timestamp};
use time::PrimitiveDateTime;

use crate::{
    clock::now,
    config::History,
    db::{Db, DbConnection},
    error::Error,
    sessions::{catalogue::sign_in_notices, duration::time_duration, service::Sessions},
    users::{ceremony_state, tokens, trusted_browsers},
};

/// Rows that one transaction deletes: few, so that nobody waits for its locks.
const BATCH: i64 = 200;
/// The pause after a full batch, in which others write.
const PAUSE_BETWEEN_BATCHES: Duration = Duration::from_millis(50);
/// The longest pause while there is nothing to delete.
const MAX_PAUSE: Duration = Duration::from_secs(10 * 60);
/// The shortest pause, for short histories.
const MIN_PAUSE: Duration = Duration::from_millis(250);

/// What is deleted once it is old: the table, and the column with the time from which its age counts.
#[derive(Debug, Clone, Copy)]
enum Old {
    EndedSessions,
    /// How far an end of many sessions has come; of use while somebody may look at it.
    BulkEnds,
    /// Keys that sessions had before.
    RotatedKeys,
    Events,
}

impl Old {
    const ALL: [Self; 4] = [Self::EndedSessions, Self::BulkEnds, Self::RotatedKeys, Self::Events];

    fn kept(self, history: &History) -> Option<Duration> {
        match self {
            Self::EndedSessions | Self::BulkEnds | Self::RotatedKeys => history.sessions,
            Self::Events => history.events,
        }
    }

    /// The table, its key, and the column with the time.
    fn table(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::EndedSessions => ("sessions", "id", "ended_at"),
            Self::BulkEnds => ("bulk_ends", "id", "moved_at"),
            Self::RotatedKeys => ("rotated_keys", "store_key", "rotated_at"),
            Self::Events => ("events", "id", "at"),
        }
    }

    /// Deletes the oldest rows from before that time, at most [`BATCH`]. Returns whether there may be more.
    fn delete(self, conn: &mut DbConnection, before: PrimitiveDateTime) -> Result<bool, Error> {
        let (table, key, column) = self.table();
        let oldest = format!("SELECT {key} FROM {table} WHERE {column} < $1 ORDER BY {column} LIMIT {BATCH}");
        let delete = sql_query(format!("DELETE FROM {table} WHERE {key} IN ({oldest})"));
        let deleted = delete.bind::<Timestamp, _>(before).execute(conn)?;
        Ok(i64::try_from(deleted).unwrap_or(BATCH) >= BATCH)
    }
}

/// Deletes for as long as it is polled.
pub(crate) async fn run(sessions: Arc<Sessions>) {
    let history = sessions.history;
    let shortest = history.sessions.into_iter().chain(history.events).min().unwrap_or(MAX_PAUSE);
    let pause = (shortest / 4).clamp(MIN_PAUSE, MAX_PAUSE);
    loop {
        let pause = match delete_batches(&sessions.db, history).await {
            Ok(true) => PAUSE_BETWEEN_BATCHES,
            Ok(false) => pause,
            Err(error) => {
                tracing::warn!(error = ?error.causes(), "old rows of the history were not deleted");
                pause
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Deletes one batch of each kind. Returns whether there may be more.
async fn delete_batches(db: &Db, history: History) -> Result<bool, Error> {
    let db = db.with_long_timeout();
    let mut more = db.run(|conn| tokens::delete_expired(conn, BATCH)).await?;
    more |= db.run(|conn| sign_in_notices::delete_expired(conn, BATCH)).await?;
    more |= db.run(|conn| trusted_browsers::delete_expired(conn, BATCH)).await?;
    more |= db.run(|conn| ceremony_state::delete_expired(conn, BATCH)).await?;
    for old in Old::ALL {
        let Some(kept) = old.kept(&history) else { continue };
        let before = now().saturating_sub(time_duration(kept));
        more |= db.run(move |conn| old.delete(conn, before)).await?;
    }
    Ok(more)
}
