//! The current time, in the precision that the databases keep.

use time::{OffsetDateTime, PrimitiveDateTime};

/// The current time in UTC, in the precision that both databases keep: microseconds.
pub fn now() -> PrimitiveDateTime {
    let now = OffsetDateTime::now_utc();
    let whole = now.nanosecond() / 1_000 * 1_000;
    let now = now.replace_nanosecond(whole).unwrap_or(now);
    PrimitiveDateTime::new(now.date(), now.time())
}
