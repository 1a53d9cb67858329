//! Durations and expiry in the types of `time`, which the databases and actix-session use.

use std::time::Duration;

use time::PrimitiveDateTime;

use crate::clock::now;

/// Whether a session that is missing in the store has expired rather than been lost. The store counts from another moment
/// than the catalogue, and in whole seconds: hence the second.
pub(super) fn is_due(expires_at: PrimitiveDateTime) -> bool {
    expires_at <= now().saturating_add(time::Duration::SECOND)
}

/// The same duration in `time`'s type, which is also that of cookies; the longest one if it is too long.
pub(super) fn time_duration(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}
