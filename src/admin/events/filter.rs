//! The filter of the security log: the fields of its page and of its file.

use serde::Deserialize;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset, macros::format_description};

use crate::{
    admin::sessions::filter::{PERSON_HINT, PERSON_LABEL},
    clock::Zone,
    events::{EventKind, log::Filter},
    users::UserQuery,
    web::{
        FieldErrors, ListAddress, cursor,
        query::{NETWORK, network, read},
    },
};

/// The fields as typed; an empty one filters nothing.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct EventFields {
    /// The name of an [`EventKind`].
    pub kind: String,
    /// Part of a name or address, or `#` and a user's id.
    pub q: String,
    /// An address or network (CIDR).
    pub ip: String,
    /// The earliest time: a date, or a time, of the reader's zone unless it names another (RFC 3339).
    pub from: String,
    /// The latest time, in the same formats; a date includes its whole day.
    pub to: String,
    /// Where the page starts: after the event with this id.
    pub after: String,
}

/// The label of the kind, on its chip.
pub(super) const KIND_LABEL: &str = "What";

const KIND_HINT: &str = "Choose one from the list.";
const TIME_HINT: &str = "Enter a date such as 2026-11-21, or a time such as 2026-11-21T14:30:00Z.";

impl EventFields {
    /// Reads the fields, with days of that zone: the filter, and the id below which the page starts.
    ///
    /// # Errors
    /// Every mistake, beside its field.
    pub fn read(&self, zone: &Zone) -> Result<(Filter, Option<i64>), FieldErrors> {
        let mut errors = FieldErrors::default();
        let filter = Filter {
            kind: read(&self.kind, "kind", KIND_HINT, &mut errors, kind),
            person: read(&self.q, "q", PERSON_HINT, &mut errors, UserQuery::parse),
            network: read(&self.ip, "ip", NETWORK, &mut errors, network),
            from: read(&self.from, "from", TIME_HINT, &mut errors, |text| time(text, zone, Edge::Start)),
            until: read(&self.to, "to", TIME_HINT, &mut errors, |text| time(text, zone, Edge::End)),
        };
        if let (Some(from), Some(until)) = (filter.from, filter.until)
            && until <= from
        {
            errors.add("to", "This is before the time in “From”.");
        }
        let after = cursor(&self.after, &mut errors);
        if errors.is_empty() { Ok((filter, after)) } else { Err(errors) }
    }

    /// The address of the log with these fields.
    pub fn address(&self) -> ListAddress<'_> {
        ListAddress {
            path: "/admin/events",
            filters: vec![
                ("kind", KIND_LABEL, &self.kind),
                ("q", PERSON_LABEL, &self.q),
                ("ip", "IP", &self.ip),
                ("from", "From", &self.from),
                ("to", "To", &self.to),
            ],
            options: Vec::new(),
        }
    }
}

/// A kind that this version records.
fn kind(name: &str) -> Option<EventKind> {
    EventKind::known().find(|kind| kind.name() == name)
}

/// Which end of a day is meant by its date.
#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
}

/// A time in UTC, of a date or a time in that zone. Returns only years that both databases can store.
fn time(value: &str, zone: &Zone, edge: Edge) -> Option<PrimitiveDateTime> {
    let date = format_description!("[year]-[month]-[day]");
    let minutes = format_description!("[year]-[month]-[day]T[hour]:[minute]");
    let at = if let Ok(date) = Date::parse(value, date) {
        zone.start_of_day(match edge {
            Edge::Start => date,
            Edge::End => date.next_day()?,
        })?
    } else if let Ok(at) = PrimitiveDateTime::parse(value, minutes) {
        zone.when(at)?
    } else {
        let rfc_3339 = time::format_description::well_known::Rfc3339;
        let at = OffsetDateTime::parse(value, &rfc_3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
        PrimitiveDateTime::new(at.date(), at.time())
    };
    (1..=9999).contains(&at.year()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    #[test]
    fn event_time_reads_date_and_rfc_3339() {
        for (text, from, until) in [
            ("2026-11-21", datetime!(2026-11-21 00:00), datetime!(2026-11-22 00:00)),
            ("2026-11-21T14:30", datetime!(2026-11-21 14:30), datetime!(2026-11-21 14:30)),
            ("2026-11-21T14:30:00Z", datetime!(2026-11-21 14:30), datetime!(2026-11-21 14:30)),
            (
                "2026-11-21T14:30:00.5+02:00",
                datetime!(2026-11-21 12:30:00.5),
                datetime!(2026-11-21 12:30:00.5),
            ),
        ] {
            assert_eq!(time(text, &Zone::default(), Edge::Start), Some(from), "{text}");
            assert_eq!(time(text, &Zone::default(), Edge::End), Some(until), "{text}");
        }
        for text in
            ["yesterday", "21.11.2026", "2026-13-01", "2026-11-21 14:30", "+99999-01-01", "-0001-01-01"]
        {
            assert_eq!(time(text, &Zone::default(), Edge::Start), None, "{text}");
        }
    }

    #[test]
    fn event_day_is_as_long_as_clocks_make_it() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        for (day, from, until) in [
            ("2026-10-24", datetime!(2026-10-23 22:00), datetime!(2026-10-24 22:00)),
            ("2026-10-25", datetime!(2026-10-24 22:00), datetime!(2026-10-25 23:00)),
            ("2026-03-29", datetime!(2026-03-28 23:00), datetime!(2026-03-29 22:00)),
            ("2026-10-26T14:30", datetime!(2026-10-26 13:30), datetime!(2026-10-26 13:30)),
            ("2026-10-26T14:30:00Z", datetime!(2026-10-26 14:30), datetime!(2026-10-26 14:30)),
        ] {
            assert_eq!(time(day, &berlin, Edge::Start), Some(from), "{day}");
            assert_eq!(time(day, &berlin, Edge::End), Some(until), "{day}");
        }
    }

    #[test]
    fn event_filter_reports_bad_fields() {
        let fields = EventFields {
            kind: "nonsense".into(),
            q: "#seven".into(),
            ip: "10.0.0.0/33".into(),
            from: "soon".into(),
            to: "9999-12-31".into(),
            after: "-1".into(),
        };
        let errors = fields.read(&Zone::default()).unwrap_err();
        for field in ["kind", "q", "ip", "from", "to"] {
            assert!(errors.has(field), "{field}");
        }
        assert!(errors.form().is_some());
        let backwards =
            EventFields { from: "2026-11-22".into(), to: "2026-11-21".into(), ..EventFields::default() };
        assert!(backwards.read(&Zone::default()).unwrap_err().has("to"));
        let one_day =
            EventFields { from: "2026-11-21".into(), to: "2026-11-21".into(), ..EventFields::default() };
        assert!(one_day.read(&Zone::default()).is_ok());
    }

    proptest! {
        #[test]
        fn event_filter_never_panics(q in ".{0,120}", from in "[-+0-9TZ:.]{0,30}", to in ".{0,30}", after in ".{0,30}") {
            let fields = EventFields { q, from, to, after, ..EventFields::default() };
            let _ = (fields.read(&Zone::default()), fields.address().chips());
        }
    }
}
