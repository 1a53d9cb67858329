//! Which of several servers is the newest primary: each promotion raises the timeline of Postgres.

use std::sync::{Mutex, PoisonError};

use diesel::{PgConnection, QueryResult, RunQueryDsl as _, sql_types::BigInt};

/// The newest timeline that was seen; `None` before the first primary.
#[derive(Default)]
pub(super) struct NewestTimeline(Mutex<Option<Timeline>>);

#[derive(diesel::QueryableByName, Clone, Copy)]
struct Timeline {
    /// What a primary and its standbys have in common.
    #[diesel(sql_type = BigInt)]
    cluster: i64,
    /// 0 on a standby.
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The name of the current part of the log begins with the timeline, in eight hexadecimal digits.
const TIMELINE: &str = "SELECT system_identifier AS cluster, CASE WHEN pg_is_in_recovery() THEN 0 \
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint END AS number \
    FROM pg_control_system()";

impl NewestTimeline {
    /// Whether the server is a primary that another one has replaced. A server that does not say is taken as it is.
    pub(super) fn has_passed(&self, pg: &mut PgConnection) -> bool {
        let asked: QueryResult<Timeline> = diesel::sql_query(TIMELINE).get_result(pg);
        let Some(timeline) = asked.ok().filter(|timeline| timeline.number > 0) else { return false };
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Some(seen) if seen.cluster == timeline.cluster && seen.number > timeline.number => true,
            _ => {
                *newest = Some(timeline);
                false
            }
        }
    }
}
