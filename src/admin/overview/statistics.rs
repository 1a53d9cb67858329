//! The numbers of the overview. What they cost depends on the sessions that are active and on the time that is
//! looked at, not on how much history there is.

use std::{collections::HashMap, hash::Hash};

use diesel::{
    dsl::{count_star, max, sql},
    prelude::*,
    sql_types::Timestamp,
};
use time::{Duration, PrimitiveDateTime, Time};

use crate::{
    clock::now,
    db::{
        DbConnection,
        schema::{events, samples, sessions, users},
    },
    error::Error,
    events::EventKind,
    sessions::{
        EndReason,
        catalogue::{device::DeviceKind, predicates::active},
    },
    users::Role,
};

/// Active sessions are counted one by one up to here; of more, these are looked at: those seen last.
pub(super) const COUNTED: i64 = 100_000;

/// The time that the charts show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Range {
    /// 24 hours, hour by hour.
    #[default]
    Day,
    /// 30 days, day by day.
    Month,
}

/// How things stand right now.
pub(super) struct Statistics {
    /// Active sessions.
    pub active: i64,
    /// They are too many to count: the newest sample says how many.
    pub about: bool,
    /// People with an active session, of the sessions that are counted.
    pub people: i64,
    /// Administrators among them.
    pub administrators: i64,
    /// Since midnight, UTC.
    pub sign_ins: i64,
    pub failures: i64,
    /// Active sessions by browser, system and kind of device.
    pub browsers: Vec<(String, i64)>,
    pub systems: Vec<(String, i64)>,
    pub kinds: Vec<(DeviceKind, i64)>,
    /// Why sessions ended in the last 30 days.
    pub ends: Vec<(EndReason, i64)>,
}

impl Range {
    /// The range of that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "24h" => Some(Self::Day),
            "30d" => Some(Self::Month),
            _ => None,
        }
    }

    /// The beginnings of its slots, oldest first; the last is the one that `at` is in.
    pub(super) fn slots(self, at: PrimitiveDateTime) -> Vec<PrimitiveDateTime> {
        let (slots, length, last) = match self {
            Self::Day => (24, Duration::HOUR, Time::from_hms(at.hour(), 0, 0).unwrap_or(Time::MIDNIGHT)),
            Self::Month => (30, Duration::DAY, Time::MIDNIGHT),
        };
        let last = PrimitiveDateTime::new(at.date(), last);
        (0..slots).rev().map(|back| last.saturating_sub(length * back)).collect()
    }

    /// The beginning of the slot that a time is in, as SQL for both databases.
    fn slot(self, column: &str) -> diesel::expression::SqlLiteral<Timestamp> {
        let step = match self {
            Self::Day => "hour",
            Self::Month => "day",
        };
        sql(&format!("date_trunc('{step}', {column})"))
    }
}

/// Active sessions that were seen after `since`.
macro_rules! active_since {
    ($at:expr, $since:expr) => {
        sessions::table.filter(active($at)).filter(sessions::last_seen_at.gt($since))
    };
}

/// Counts how things stand.
pub(super) fn now_and_today(conn: &mut DbConnection) -> Result<Statistics, Error> {
    let at = now();
    let always = PrimitiveDateTime::new(at.date(), Time::MIDNIGHT).saturating_sub(Duration::days(3_650));
    let beyond: Option<PrimitiveDateTime> = active_since!(at, always)
        .order(sessions::last_seen_at.desc())
        .offset(COUNTED)
        .select(sessions::last_seen_at)
        .first(conn)
        .optional()?;
    let since = beyond.unwrap_or(always);
    let device = (sessions::browser, sessions::os, sessions::device);
    let devices: Vec<(String, String, DeviceKind, i64)> = active_since!(at, since)
        .group_by(device)
        .select((sessions::browser, sessions::os, sessions::device, count_star()))
        .load(conn)?;
    let mut count = devices.iter().map(|(.., count)| count).sum();
    if beyond.is_some() {
        let newest = samples::table.order(samples::at.desc()).select(samples::active);
        count = newest.first::<i64>(conn).optional()?.unwrap_or(0).max(count);
    }
    let people = active_since!(at, since)
        .select(diesel::dsl::count(sessions::user_id).aggregate_distinct())
        .get_result(conn)?;
    let administrators = active_since!(at, always)
        .inner_join(users::table)
        .filter(users::role.eq(Role::Admin))
        .select(diesel::dsl::count(sessions::user_id).aggregate_distinct())
        .get_result(conn)?;
    let midnight = PrimitiveDateTime::new(at.date(), Time::MIDNIGHT);
    let month = at.saturating_sub(Duration::days(30));
    let ended = sessions::table.filter(sessions::ended_at.ge(month)).group_by(sessions::end_reason);
    let ends: Vec<(Option<EndReason>, i64)> =
        ended.select((sessions::end_reason, count_star())).load(conn)?;
    Ok(Statistics {
        active: count,
        about: beyond.is_some(),
        people,
        administrators,
        sign_ins: happened(conn, EventKind::SignedIn, midnight)?,
        failures: happened(conn, EventKind::SignInFailed, midnight)?,
        browsers: summed(devices.iter().map(|(browser, _, _, count)| (browser.clone(), *count))),
        systems: summed(devices.iter().map(|(_, os, _, count)| (os.clone(), *count))),
        kinds: summed(devices.iter().map(|(_, _, kind, count)| (*kind, *count))),
        ends: ends.into_iter().filter_map(|(reason, count)| Some((reason?, count))).collect(),
    })
}

fn summed<K: Clone + Eq + Hash>(counts: impl Iterator<Item = (K, i64)>) -> Vec<(K, i64)> {
    let mut sums: HashMap<K, i64> = HashMap::new();
    counts.for_each(|(key, count)| *sums.entry(key).or_default() += count);
    sums.into_iter().collect()
}

fn happened(conn: &mut DbConnection, kind: EventKind, since: PrimitiveDateTime) -> Result<i64, Error> {
    let since = events::table.filter(events::at.ge(since)).filter(events::kind.eq(kind));
    Ok(since.count().get_result(conn)?)
}

/// The most sessions that were active at once in each slot; nothing where there was no sample.
pub(super) fn active_over_time(
    conn: &mut DbConnection,
    range: Range,
    from: PrimitiveDateTime,
) -> Result<HashMap<PrimitiveDateTime, i64>, Error> {
    let sampled = samples::table.filter(samples::at.ge(from)).group_by(range.slot("samples.at"));
    let most: Vec<(PrimitiveDateTime, Option<i64>)> =
        sampled.select((range.slot("samples.at"), max(samples::active))).load(conn)?;
    Ok(most.into_iter().filter_map(|(at, most)| Some((at, most?))).collect())
}

/// How often something happened in each slot.
pub(super) fn events_over_time(
    conn: &mut DbConnection,
    kind: EventKind,
    range: Range,
    from: PrimitiveDateTime,
) -> Result<HashMap<PrimitiveDateTime, i64>, Error> {
    let happened = events::table.filter(events::at.ge(from)).filter(events::kind.eq(kind));
    let sums: Vec<(PrimitiveDateTime, i64)> = happened
        .group_by(range.slot("events.at"))
        .select((range.slot("events.at"), count_star()))
        .load(conn)?;
    Ok(sums.into_iter().collect())
}
