//! The current time, with the precision of both databases.

use time::{OffsetDateTime, PrimitiveDateTime};

/// The current time in UTC, cut to microseconds, the precision of both databases.
pub fn now() -> PrimitiveDateTime {
    let now = OffsetDateTime::now_utc();
    let micros_only = now.nanosecond() / 1_000 * 1_000;
    let now = now.replace_nanosecond(micros_only).unwrap_or(now);
    PrimitiveDateTime::new(now.date(), now.time())
}
