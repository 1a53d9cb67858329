//! The numbers of the overview. Their cost grows with the active sessions and with the period, not with the whole history.

use std::{collections::HashMap, hash::Hash};

use diesel::{
    dsl::{count_star, max, sql},
    prelude::*,
    sql_types::{BigInt, Timestamp},
};
use time::{Duration, PrimitiveDateTime};

use super::slots::Slots;
use crate::{
    clock::now,
    db::{
        Db, DbConnection,
        schema::{events, samples, sessions, users},
    },
    error::Error,
    events::EventKind,
    sessions::{
        EndReason,
        catalogue::{device::DeviceKind, method::Method, predicates::active},
    },
    users::Role,
};

/// Up to this many active sessions are counted one by one; of more, only these most recently seen are counted.
pub(super) const COUNT_LIMIT: i64 = 100_000;

/// The numbers of the overview.
pub(super) struct Statistics {
    pub totals: Totals,
    /// The most sessions that were active at once in each slot; `None`: there is no sample.
    pub active: Vec<Option<i64>>,
    /// Sign-ins in each slot; `None`: there were none.
    pub sign_ins: Vec<Option<i64>>,
    /// Failed sign-ins.
    pub failures: Vec<Option<i64>>,
}

/// The numbers that belong to no slot.
pub(super) struct Totals {
    /// Active sessions.
    pub active: i64,
    /// Whether there are more than [`COUNT_LIMIT`]; then `active` is that of the newest sample.
    pub over_limit: bool,
    /// Users with an active session, of the sessions that are counted.
    pub users: i64,
    /// Administrators with an active session.
    pub administrators: i64,
    /// Sign-ins since midnight.
    pub sign_ins: i64,
    /// Failed sign-ins since midnight.
    pub failures: i64,
    /// Keys of sessions that somebody else has presented in the last 30 days.
    pub stolen_keys: i64,
    /// Active sessions by browser.
    pub browsers: Vec<(String, i64)>,
    /// Active sessions by operating system.
    pub systems: Vec<(String, i64)>,
    /// Active sessions by kind of device.
    pub kinds: Vec<(DeviceKind, i64)>,
    /// Active sessions by how they were signed in.
    pub methods: Vec<(Method, i64)>,
    /// Sessions that ended in the last 30 days, by reason.
    pub end_reasons: Vec<(EndReason, i64)>,
}

/// Reads the numbers, and gives the slots back.
pub(super) async fn read(db: &Db, slots: Slots) -> Result<(Statistics, Slots), Error> {
    let read = move |conn: &mut DbConnection| {
        let statistics = Statistics {
            totals: totals(conn, &slots)?,
            active: active_per_slot(conn, &slots)?,
            sign_ins: events_per_slot(conn, EventKind::SignedIn, &slots)?,
            failures: events_per_slot(conn, EventKind::SignInFailed, &slots)?,
        };
        Ok((statistics, slots))
    };
    db.with_long_timeout().run(read).await
}

/// Active sessions that were seen after `since`.
macro_rules! active_since {
    ($at:expr, $since:expr) => {
        sessions::table.filter(active($at)).filter(sessions::last_seen_at.gt($since))
    };
}

fn totals(conn: &mut DbConnection, slots: &Slots) -> Result<Totals, Error> {
    let at = now();
    let midnight = slots.midnight().unwrap_or(at);
    // Ten years: before every active session.
    let earliest = at.saturating_sub(Duration::days(3_650));
    let limit: Option<PrimitiveDateTime> = active_since!(at, earliest)
        .order(sessions::last_seen_at.desc())
        .offset(COUNT_LIMIT)
        .select(sessions::last_seen_at)
        .first(conn)
        .optional()?;
    let since = limit.unwrap_or(earliest);
    let devices = active_by_device(conn, at, since)?;
    let counted = devices.iter().map(|(.., count)| count).sum();
    Ok(Totals {
        active: if limit.is_some() { newest_sample(conn)?.max(counted) } else { counted },
        over_limit: limit.is_some(),
        users: active_since!(at, since)
            .select(diesel::dsl::count(sessions::user_id).aggregate_distinct())
            .get_result(conn)?,
        administrators: active_since!(at, earliest)
            .inner_join(users::table)
            .filter(users::role.eq(Role::Admin))
            .select(diesel::dsl::count(sessions::user_id).aggregate_distinct())
            .get_result(conn)?,
        end_reasons: end_reasons(conn, at.saturating_sub(Duration::days(30)))?,
        stolen_keys: count_events(conn, EventKind::StolenKeyUsed, at.saturating_sub(Duration::days(30)))?,
        sign_ins: count_events(conn, EventKind::SignedIn, midnight)?,
        failures: count_events(conn, EventKind::SignInFailed, midnight)?,
        browsers: summed(devices.iter().map(|(browser, _, _, _, count)| (browser.clone(), *count))),
        systems: summed(devices.iter().map(|(_, os, _, _, count)| (os.clone(), *count))),
        kinds: summed(devices.iter().map(|(_, _, kind, _, count)| (*kind, *count))),
        methods: summed(devices.iter().map(|(_, _, _, method, count)| (*method, *count))),
    })
}

/// Browser, operating system, kind of device, how they were signed in, and how many sessions.
type DeviceCount = (String, String, DeviceKind, Method, i64);

/// Active sessions that were seen after `since`, by browser, operating system, kind of device and how they were signed in.
fn active_by_device(
    conn: &mut DbConnection,
    at: PrimitiveDateTime,
    since: PrimitiveDateTime,
) -> Result<Vec<DeviceCount>, Error> {
    Ok(active_since!(at, since)
        .group_by((sessions::browser, sessions::os, sessions::device, sessions::method))
        .select((sessions::browser, sessions::os, sessions::device, sessions::method, count_star()))
        .load(conn)?)
}

/// The number of active sessions in the newest sample; 0: there is none yet.
fn newest_sample(conn: &mut DbConnection) -> Result<i64, Error> {
    let newest = samples::table.order(samples::at.desc()).select(samples::active);
    Ok(newest.first(conn).optional()?.unwrap_or(0))
}

/// Sessions that ended at `since` or later, by reason.
fn end_reasons(conn: &mut DbConnection, since: PrimitiveDateTime) -> Result<Vec<(EndReason, i64)>, Error> {
    let counts: Vec<(Option<EndReason>, i64)> = sessions::table
        .filter(sessions::ended_at.ge(since))
        .group_by(sessions::end_reason)
        .select((sessions::end_reason, count_star()))
        .load(conn)?;
    Ok(counts.into_iter().filter_map(|(reason, count)| Some((reason?, count))).collect())
}

/// The sum of the counts of each key.
fn summed<K: Clone + Eq + Hash>(counts: impl Iterator<Item = (K, i64)>) -> Vec<(K, i64)> {
    let mut sums: HashMap<K, i64> = HashMap::new();
    counts.for_each(|(key, count)| *sums.entry(key).or_default() += count);
    sums.into_iter().collect()
}

/// How often events happened.
fn times() -> diesel::expression::SqlLiteral<BigInt> {
    sql("CAST(COALESCE(SUM(events.times), 0) AS BIGINT)")
}

fn count_events(conn: &mut DbConnection, kind: EventKind, since: PrimitiveDateTime) -> Result<i64, Error> {
    let events = events::table.filter(events::at.ge(since)).filter(events::kind.eq(kind));
    Ok(events.select(times()).get_result(conn)?)
}

fn active_per_slot(conn: &mut DbConnection, slots: &Slots) -> Result<Vec<Option<i64>>, Error> {
    let Some(from) = slots.from() else { return Ok(Vec::new()) };
    let samples = samples::table.filter(samples::at.ge(from)).group_by(cut(slots, "samples.at"));
    let counts: Vec<(PrimitiveDateTime, Option<i64>)> =
        samples.select((cut(slots, "samples.at"), max(samples::active))).load(conn)?;
    let counts = counts.into_iter().filter_map(|(at, count)| Some((at, count?))).collect();
    Ok(slots.sorted(counts, i64::max))
}

fn events_per_slot(
    conn: &mut DbConnection,
    kind: EventKind,
    slots: &Slots,
) -> Result<Vec<Option<i64>>, Error> {
    let Some(from) = slots.from() else { return Ok(Vec::new()) };
    let events = events::table.filter(events::at.ge(from)).filter(events::kind.eq(kind));
    let counts = events.group_by(cut(slots, "events.at")).select((cut(slots, "events.at"), times()));
    Ok(slots.sorted(counts.load(conn)?, i64::saturating_add))
}

/// SQL for a time cut down to the step of the slots, for both databases.
fn cut(slots: &Slots, column: &str) -> diesel::expression::SqlLiteral<Timestamp> {
    sql(&format!("date_trunc('{}', {column})", slots.step()))
}
