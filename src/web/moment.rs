//! Formatting of points in time for pages.

use time::{OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339};

use crate::clock::format_here;
use crate::clock::now_utc;

/// A point in time, formatted for a page: exact for machines and on hover, relative as the visible text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// RFC 3339 in UTC, whole seconds.
    pub iso: String,
    /// "21 Nov 2026, 04:39 CET", in the zone of the site; `static/app.js` shows that of the reader.
    pub exact: String,
    /// "12 minutes ago", "in 3 days", "just now"
    pub relative: String,
}

impl Moment {
    /// Formats a UTC time of the database, relative to now.
    pub fn new(at: PrimitiveDateTime) -> Self {
        Self::relative_to(at, now_utc())
    }

    /// Formats a time relative to `now`.
    fn relative_to(at: PrimitiveDateTime, now: OffsetDateTime) -> Self {
        let exact = format_here(at, "%-d %b %Y, %H:%M %Z");
        let at = at.assume_utc();
        Self { iso: rfc3339(at), exact, relative: relative((at - now).whole_seconds()) }
    }
}

/// A time in RFC 3339, in UTC and whole seconds.
pub fn rfc3339(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

/// A distance from now in seconds (negative: past) in words, in the largest unit that fits. `static/app.js` uses the same words.
fn relative(seconds: i64) -> String {
    const UNITS: [(i64, &str); 5] =
        [(31_536_000, "year"), (2_592_000, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    let magnitude = seconds.abs();
    let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| magnitude >= *size) else {
        return if seconds > 0 { "in less than a minute" } else { "just now" }.to_owned();
    };
    let count = magnitude / size;
    let plural = if count == 1 { "" } else { "s" };
    if seconds < 0 { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn moment_has_exact_and_relative_text() {
        let now = datetime!(2026-11-21 03:39:00 UTC);
        let moment = Moment::relative_to(datetime!(2026-11-21 03:27:00.5), now);
        assert_eq!(moment.iso, "2026-11-21T03:27:00Z");
        assert_eq!(moment.exact, "21 Nov 2026, 03:27 UTC");
        assert_eq!(moment.relative, "11 minutes ago");
    }

    #[test]
    fn moment_relative_uses_largest_unit() {
        for (seconds, text) in [
            (0, "just now"),
            (-59, "just now"),
            (59, "in less than a minute"),
            (-60, "1 minute ago"),
            (3_599, "in 59 minutes"),
            (7_200, "in 2 hours"),
            (-86_400, "1 day ago"),
            (29 * 86_400, "in 29 days"),
            (30 * 86_400, "in 1 month"),
            (-800 * 86_400, "2 years ago"),
        ] {
            assert_eq!(relative(seconds), text);
        }
    }
}
