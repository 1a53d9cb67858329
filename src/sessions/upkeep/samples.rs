//! Records the number of active sessions: one row per minute, written by any one of the instances.

use std::{sync::Arc, time::Duration};

use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Timestamp},
};
use time::{PrimitiveDateTime, Time};

use crate::{
    clock::now,
    db::{Db, DbConnection, schema::samples},
    error::Error,
    sessions::{catalogue::counts, service::Sessions},
};

/// The pause after a sample that could not be recorded.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// How long the sample of each minute is kept; after that, the highest of each hour.
const MINUTES_KEPT: time::Duration = time::Duration::days(2);

/// How long the sample of each hour is kept.
const HOURS_KEPT: time::Duration = time::Duration::days(90);

/// Records samples for as long as it is polled.
pub(crate) async fn run(sessions: Arc<Sessions>) {
    loop {
        let pause = match record_minute(&sessions.db).await {
            Ok(()) => Duration::from_secs(60 - u64::from(now().second())),
            Err(error) => {
                tracing::warn!(error = ?error.causes(), "the number of active sessions was not recorded");
                RETRY_PAUSE
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Records the sample of this minute, unless another instance has.
async fn record_minute(db: &Db) -> Result<(), Error> {
    db.with_long_timeout()
        .run(|conn| {
            let at = minute_of(now());
            if diesel::select(diesel::dsl::exists(samples::table.find(at))).get_result(conn)? {
                return Ok(());
            }
            let active = counts::count_active(conn)?;
            let insert = diesel::insert_into(samples::table)
                .values((samples::at.eq(at), samples::active.eq(active)))
                .on_conflict_do_nothing();
            match conn {
                DbConnection::Postgres(pg) => insert.execute(pg)?,
                DbConnection::Sqlite(sqlite) => insert.execute(sqlite)?,
            };
            downsample(conn, at)
        })
        .await
}

/// Replaces old samples of minutes by the highest of each hour, and deletes old samples of hours.
fn downsample(conn: &mut DbConnection, at: PrimitiveDateTime) -> Result<(), Error> {
    let end = at.saturating_sub(MINUTES_KEPT);
    // The sample of an hour is the row at its beginning.
    diesel::sql_query(
        "INSERT INTO samples (at, active) \
         SELECT date_trunc('hour', at), max(active) FROM samples \
         WHERE at < $1 AND at <> date_trunc('hour', at) GROUP BY date_trunc('hour', at) \
         ON CONFLICT (at) DO UPDATE SET active = excluded.active WHERE excluded.active > samples.active",
    )
    .bind::<Timestamp, _>(end)
    .execute(conn)?;
    let old = samples::table.filter(samples::at.lt(end));
    diesel::delete(old.filter(sql::<Bool>("at <> date_trunc('hour', at)"))).execute(conn)?;
    diesel::delete(samples::table.filter(samples::at.lt(at.saturating_sub(HOURS_KEPT)))).execute(conn)?;
    Ok(())
}

/// The beginning of the minute.
fn minute_of(at: PrimitiveDateTime) -> PrimitiveDateTime {
    PrimitiveDateTime::new(at.date(), Time::from_hms(at.hour(), at.minute(), 0).unwrap_or(Time::MIDNIGHT))
}
