//! The time zone in which people read times.

use std::{cell::RefCell, fmt};

use jiff::{
    Timestamp, civil,
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use time::{Date, Duration, PrimitiveDateTime, Time};

/// A time zone with its history of summer times. The database of zones (IANA) is part of the program: containers have none.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    /// UTC.
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Zone {
    /// The zone of this name, such as `Europe/Berlin`.
    pub fn named(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// A time of the database as people here read it, by a format of `strftime`.
    pub fn format(&self, at: PrimitiveDateTime, format: &str) -> String {
        timestamp(at).to_zoned_datetime(self.0.clone()).strftime(format).to_string()
    }
}

/// Days and hours as clocks here show them, and the times of the database (UTC) at which they begin.
impl Zone {
    /// The day in which a time of the database is.
    pub fn day_of(&self, at: PrimitiveDateTime) -> Date {
        self.shown(at).date()
    }

    /// When a day begins.
    pub fn start_of_day(&self, day: Date) -> Option<PrimitiveDateTime> {
        self.when(PrimitiveDateTime::new(day, Time::MIDNIGHT))
    }

    /// When the hour begins in which a time of the database is.
    pub fn start_of_hour(&self, at: PrimitiveDateTime) -> PrimitiveDateTime {
        let (_, minute, second, nano) = self.shown(at).as_hms_nano();
        let since = Duration::minutes(minute.into()) + Duration::new(second.into(), 0);
        at.saturating_sub(since + Duration::nanoseconds(nano.into()))
    }

    /// When clocks show a time; for the first time where they are set back, and where they skip it, as long after the change as it is
    /// after the time that they skip. `None`: out of the range of times.
    pub fn when(&self, shown: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
        let ((year, month, day), (hour, minute, second)) = (shown.date().to_calendar_date(), shown.as_hms());
        let [month, day, hour, minute, second] =
            [u8::from(month), day, hour, minute, second].map(u8::cast_signed);
        let year = year.try_into().ok()?;
        let shown_here = civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let offset = match self.0.to_ambiguous_timestamp(shown_here).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
        };
        shown.checked_sub(Duration::seconds(offset.seconds().into()))
    }

    /// What clocks show at a time of the database.
    fn shown(&self, at: PrimitiveDateTime) -> PrimitiveDateTime {
        at.saturating_add(Duration::seconds(self.0.to_offset(timestamp(at)).seconds().into()))
    }
}

/// A time of the database, in whole seconds.
fn timestamp(at: PrimitiveDateTime) -> Timestamp {
    Timestamp::new(at.assume_utc().unix_timestamp(), 0).unwrap_or_default()
}

thread_local! {
    static HERE: RefCell<Zone> = RefCell::default();
}

/// Sets the zone of the pages that this thread renders. Each worker of a server sets it once, before its first request.
pub fn render_in(zone: &Zone) {
    HERE.set(zone.clone());
}

/// A time of the database as the pages of this thread show it.
pub fn format_here(at: PrimitiveDateTime, format: &str) -> String {
    HERE.with_borrow(|zone| zone.format(at, format))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn times_are_those_of_the_zone_before_and_after_its_clocks_change() {
        const FORMAT: &str = "%-d %b %Y, %H:%M %Z";
        for (zone, at, expected) in [
            ("UTC", datetime!(2026-11-21 03:27:00.5), "21 Nov 2026, 03:27 UTC"),
            ("Europe/Berlin", datetime!(2026-11-21 23:27:00), "22 Nov 2026, 00:27 CET"),
            ("Europe/Berlin", datetime!(2026-03-29 00:59:59), "29 Mar 2026, 01:59 CET"),
            ("Europe/Berlin", datetime!(2026-03-29 01:00:00), "29 Mar 2026, 03:00 CEST"),
            ("Europe/Berlin", datetime!(2026-10-25 00:30:00), "25 Oct 2026, 02:30 CEST"),
            ("Europe/Berlin", datetime!(2026-10-25 01:30:00), "25 Oct 2026, 02:30 CET"),
            ("America/New_York", datetime!(2026-07-01 03:00:00), "30 Jun 2026, 23:00 EDT"),
            ("Asia/Kolkata", datetime!(2026-07-01 03:00:00), "1 Jul 2026, 08:30 IST"),
        ] {
            assert_eq!(Zone::named(zone).unwrap().format(at, FORMAT), expected, "{zone}");
        }
        for wrong in ["Berlin", "Europe/Nowhere", "", "+01:00", "../etc/passwd"] {
            assert_eq!(Zone::named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_and_hours_begin_where_clocks_of_the_zone_say() {
        for (zone, day, begins) in [
            ("UTC", date!(2026 - 10 - 25), datetime!(2026-10-25 00:00)),
            ("Europe/Berlin", date!(2026 - 10 - 25), datetime!(2026-10-24 22:00)),
            ("Europe/Berlin", date!(2026 - 10 - 26), datetime!(2026-10-25 23:00)),
            ("Europe/Berlin", date!(2026 - 03 - 29), datetime!(2026-03-28 23:00)),
            ("Europe/Berlin", date!(2026 - 03 - 30), datetime!(2026-03-29 22:00)),
            ("Asia/Kolkata", date!(2026 - 10 - 25), datetime!(2026-10-24 18:30)),
            ("UTC", date!(9999 - 12 - 31), datetime!(9999-12-31 00:00)),
            // Clocks go from 24:00 to 1:00.
            ("America/Santiago", date!(2026 - 09 - 06), datetime!(2026-09-06 04:00)),
        ] {
            let zone = Zone::named(zone).unwrap();
            assert_eq!(zone.start_of_day(day), Some(begins), "{zone:?}");
            assert_eq!(zone.day_of(begins), day, "{zone:?}");
            assert_eq!(zone.day_of(begins - Duration::SECOND), day.previous_day().unwrap(), "{zone:?}");
        }
        for (zone, at, begins) in [
            ("Europe/Berlin", datetime!(2026-10-25 01:59:59.5), datetime!(2026-10-25 01:00)),
            ("Asia/Kolkata", datetime!(2026-10-25 01:59), datetime!(2026-10-25 01:30)),
            ("Asia/Kathmandu", datetime!(2026-10-25 01:14), datetime!(2026-10-25 00:15)),
        ] {
            assert_eq!(Zone::named(zone).unwrap().start_of_hour(at), begins, "{zone}");
        }
        let berlin = Zone::named("Europe/Berlin").unwrap();
        for (shown, at) in [
            (datetime!(2026-10-25 02:30), datetime!(2026-10-25 00:30)),
            (datetime!(2026-03-29 02:30), datetime!(2026-03-29 01:30)),
        ] {
            assert_eq!(berlin.when(shown), Some(at));
        }
    }

    #[test]
    fn pages_of_a_thread_are_in_its_zone() {
        let at = datetime!(2026-07-01 03:00:00);
        assert_eq!(format_here(at, "%H"), "03");
        render_in(&Zone::named("Asia/Tokyo").unwrap());
        assert_eq!(format_here(at, "%H"), "12");
        assert_eq!(std::thread::spawn(move || format_here(at, "%H")).join().unwrap(), "03");
    }
}
