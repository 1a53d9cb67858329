//! The current time, with the precision of both databases.
//!
//! With Postgres it is the database's: [`go_on_from`] is told what that says, and from then on the time that has passed is added, which
//! the clock of the machine doesn't change. All instances decide by one clock, however wrong those of their machines are.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// Where the time that passes is counted from.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The Unix time in microseconds at [`BEGINNING`]; [`UNKNOWN`]: the clock of the machine counts.
static BEGAN_AT: AtomicI64 = AtomicI64::new(UNKNOWN);

const UNKNOWN: i64 = i64::MIN;

/// The current time in UTC, cut to microseconds, the precision of both databases.
pub fn now() -> PrimitiveDateTime {
    let now = now_utc();
    PrimitiveDateTime::new(now.date(), now.time())
}

/// The current time, cut to microseconds.
pub fn now_utc() -> OffsetDateTime {
    match BEGAN_AT.load(Ordering::Relaxed) {
        UNKNOWN => cut(of_this_machine()),
        began => from_micros(began.saturating_add(passed())).unwrap_or_else(of_this_machine),
    }
}

/// The current Unix time in seconds.
pub fn unix_now() -> i64 {
    now_utc().unix_timestamp()
}

/// What the clock of this machine says.
pub fn of_this_machine() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// From now on time passes from this one. Ignored where it is the current time already, give or take `leeway`.
pub fn go_on_from(time: OffsetDateTime, leeway: Duration) {
    let is_current = (now_utc() - time).abs() <= leeway;
    let is_known = BEGAN_AT.load(Ordering::Relaxed) != UNKNOWN;
    let time = match (is_current, is_known) {
        (true, true) => return,
        (true, false) => now_utc(),
        (false, _) => time,
    };
    let micros = time.unix_timestamp_nanos() / 1_000;
    let began = i64::try_from(micros).unwrap_or(UNKNOWN).saturating_sub(passed());
    BEGAN_AT.store(began, Ordering::Relaxed);
}

/// Microseconds since [`BEGINNING`].
fn passed() -> i64 {
    i64::try_from(BEGINNING.elapsed().as_micros()).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

fn cut(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(time.nanosecond() / 1_000 * 1_000).unwrap_or(time)
}
