//! The time zone in which people read times.

use std::{cell::RefCell, fmt};

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};
use time::PrimitiveDateTime;

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
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

impl Zone {
    /// The zone of this name, such as `Europe/Berlin`.
    pub fn named(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// A time of the database as people here read it, by a format of `strftime`.
    pub fn format(&self, at: PrimitiveDateTime, format: &str) -> String {
        let at = at.assume_utc();
        let at = Timestamp::new(at.unix_timestamp(), 0).unwrap_or_default();
        at.to_zoned_datetime(self.0.clone()).strftime(format).to_string()
    }
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
    use time::macros::datetime;

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
    fn pages_of_a_thread_are_in_its_zone() {
        let at = datetime!(2026-07-01 03:00:00);
        assert_eq!(format_here(at, "%H"), "03");
        render_in(&Zone::named("Asia/Tokyo").unwrap());
        assert_eq!(format_here(at, "%H"), "12");
        assert_eq!(std::thread::spawn(move || format_here(at, "%H")).join().unwrap(), "03");
    }
}
