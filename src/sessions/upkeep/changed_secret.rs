//! Ends in the catalogue what a change of `SESSION_SECRET` has ended: sessions whose cookies can't be decrypted any more.
//!
//! The table `secrets` has those that cookies were made with, each since it was the newest. A session that was used since then has a
//! cookie under it.

use std::time::Duration;

use diesel::prelude::*;
use time::PrimitiveDateTime;

use crate::{
    clock::now,
    db::{DbConnection, schema::secrets},
    error::Error,
    sessions::{
        catalogue::{
            end::{EndRequest, Remarks},
            end_reason::EndReason,
            filter::{Filter, ListQuery},
        },
        service::Sessions,
    },
};

/// The note of the ends, for administrators.
const NOTE: &str = "SESSION_SECRET was changed";

/// The time that is recorded of the last use is at most so much older.
const LEEWAY: Duration = Duration::from_secs(2 * 60);

impl Sessions {
    /// Ends the sessions that started before this instance and have a cookie under a secret that is no more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached.
    pub(super) async fn end_if_secret_changed(&self) -> Result<(), Error> {
        let recorded = self.db.with_long_timeout().run(recorded).await?;
        let current = self.config.secret.fingerprints();
        if let Some(idle_over) = unreadable(&recorded, &current, now()) {
            let filter = Filter { started_by: Some(self.started_at), idle_over, ..Filter::default() };
            let query = ListQuery { filter, ..ListQuery::default() };
            let remarks = Remarks { note: Some(NOTE.to_owned()), ..Remarks::default() };
            let request = EndRequest { remarks, ..EndRequest::by_system(EndReason::Missing) };
            let outcome = self.end_many(&query, request, None, async |_| {}).await?;
            tracing::warn!(
                ended = outcome.count,
                "SESSION_SECRET was changed: sessions with cookies under the old one are over"
            );
        }
        self.db.with_long_timeout().run(move |conn| record(conn, &current)).await
    }
}

/// A secret that cookies were made with: its fingerprint, and since when it was the newest.
type Recorded = (String, PrimitiveDateTime);

/// Which sessions have a cookie that can't be read: `Some(None)` is all, otherwise those that were not used for so long.
fn unreadable(recorded: &[Recorded], current: &[String], now: PrimitiveDateTime) -> Option<Option<Duration>> {
    let is_current = |fingerprint: &String| current.contains(fingerprint);
    if recorded.iter().all(|(fingerprint, _)| is_current(fingerprint)) {
        return None;
    }
    let kept = recorded.iter().filter(|(fingerprint, _)| is_current(fingerprint));
    Some(
        kept.map(|(_, since)| *since)
            .min()
            .map(|since| Duration::try_from(now - since).unwrap_or_default().saturating_add(LEEWAY)),
    )
}

fn recorded(conn: &mut DbConnection) -> Result<Vec<Recorded>, Error> {
    Ok(secrets::table.select((secrets::fingerprint, secrets::since)).load(conn)?)
}

/// Records the newest of the secrets, if it is new, and forgets those that are no more.
fn record(conn: &mut DbConnection, current: &[String]) -> Result<(), Error> {
    diesel::delete(secrets::table.filter(secrets::fingerprint.ne_all(current))).execute(conn)?;
    let Some(newest) = current.first() else { return Ok(()) };
    let row = (secrets::fingerprint.eq(newest), secrets::since.eq(now()));
    match diesel::insert_into(secrets::table).values(row).execute(conn).map_err(Error::from) {
        Err(error) if !error.is_unique_violation() => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn secret_that_is_gone_ends_what_was_not_used_since_the_next_one() {
        let recorded = |names: &[(&str, PrimitiveDateTime)]| -> Vec<Recorded> {
            names.iter().map(|(name, since)| ((*name).to_owned(), *since)).collect()
        };
        let current = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let now = datetime!(2026-01-03 0:00);
        let (first, second) = (("a", datetime!(2026-01-01 0:00)), ("b", datetime!(2026-01-02 0:00)));
        let since_second = Some(Some(Duration::from_secs(24 * 60 * 60) + LEEWAY));
        for (before, after, ended) in [
            (&[][..], &["a"][..], None),
            (&[first], &["a"], None),
            (&[first], &["b", "a"], None),
            (&[first], &["a", "b"], None),
            (&[first, second], &["b", "a"], None),
            (&[first, second], &["b"], since_second),
            (&[first, second], &["c", "b"], since_second),
            (&[first], &["b"], Some(None)),
            (&[first, second], &["c"], Some(None)),
        ] {
            assert_eq!(unreadable(&recorded(before), &current(after), now), ended, "{before:?} {after:?}");
        }
    }
}
