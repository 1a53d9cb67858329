//! Which of several servers is the newest primary: each promotion raises the timeline of Postgres.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use diesel::{
    PgConnection, QueryResult, RunQueryDsl as _,
    sql_types::{BigInt, Nullable, Text},
};

/// The newest timeline that was seen.
#[derive(Default)]
pub(super) struct NewestTimeline {
    /// `None` before the first primary.
    newest: Mutex<Option<Newest>>,
    /// How often another primary has taken over.
    takeovers: AtomicU64,
}

struct Newest {
    timeline: Timeline,
    /// The server of an older one that the log was told of.
    told: Option<String>,
}

#[derive(diesel::QueryableByName)]
struct Timeline {
    /// What a primary and its standbys have in common.
    #[diesel(sql_type = BigInt)]
    cluster: i64,
    /// 0 on a standby.
    #[diesel(sql_type = BigInt)]
    number: i64,
    /// Where the server listens; `None` over a socket.
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
}

/// The name of the current part of the log begins with the timeline, in eight hexadecimal digits.
const TIMELINE: &str = "SELECT system_identifier AS cluster, CASE WHEN pg_is_in_recovery() THEN 0 \
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint END AS number, \
    host(inet_server_addr()) || ':' || inet_server_port() AS address FROM pg_control_system()";

impl NewestTimeline {
    /// How often another primary has taken over until this one; `None` for one that another has replaced. A server that does not say
    /// is taken as it is.
    pub(super) fn admit(&self, pg: &mut PgConnection) -> Option<u64> {
        let asked: QueryResult<Timeline> = diesel::sql_query(TIMELINE).get_result(pg);
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(timeline) = asked.ok().filter(|timeline| timeline.number > 0) else {
            return Some(self.takeovers());
        };
        match &mut *newest {
            Some(seen) if seen.timeline.is_newer_than(&timeline) => {
                seen.tell_of(timeline.address.as_deref().unwrap_or("a socket"));
                return None;
            }
            Some(seen) if seen.timeline.is_same(&timeline) => {}
            first_or_older => {
                if first_or_older.replace(Newest { timeline, told: None }).is_some() {
                    self.takeovers.fetch_add(1, Ordering::AcqRel);
                }
            }
        }
        Some(self.takeovers())
    }

    /// How often another primary has taken over. What was admitted before may lead to the one that was replaced, which goes on with the
    /// connections that it has while it shuts down.
    pub(super) fn takeovers(&self) -> u64 {
        self.takeovers.load(Ordering::Acquire)
    }
}

impl Timeline {
    fn is_same(&self, other: &Self) -> bool {
        (self.cluster, self.number) == (other.cluster, other.number)
    }

    fn is_newer_than(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.number > other.number
    }
}

impl Newest {
    /// The pool asks for connections again and again: the log is told once of each server.
    fn tell_of(&mut self, address: &str) {
        if self.told.as_deref() != Some(address) {
            tracing::warn!(
                address,
                "a server of DATABASE_URL takes itself for the primary, which another one has become; turn it off"
            );
            self.told = Some(address.to_owned());
        }
    }
}
