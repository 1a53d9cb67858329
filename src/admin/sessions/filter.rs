//! The filter of the administrator's list: one set of fields for the page, for what is ended by it and for the
//! command line.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use serde::Deserialize;

use crate::{
    events::log::Whom,
    sessions::catalogue::list::{Cursor, Filter, Sort, Wanted},
    users::Role,
    web::{Chip, FieldErrors, ListAddress},
};

const LONGEST: usize = 100;

/// The fields as typed, in a query, in a form or on the command line; empty ones ask for nothing.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct FilterFields {
    /// Part of a name or address, or `#` and a user's number.
    pub q: String,
    /// An address or network (CIDR).
    pub ip: String,
    /// A browser's name.
    pub browser: String,
    /// A system's name.
    pub os: String,
    /// `user` or `admin`.
    pub role: String,
    /// `yes` or `no`.
    pub remembered: String,
    /// Began at least so long ago: a duration such as `90m` or `7d`.
    pub older_than: String,
    /// Not seen for so long: a duration.
    pub idle_over: String,
    /// `active` or `ended`.
    pub state: String,
    /// `seen` or `started`.
    pub sort: String,
    /// Where the page starts.
    pub after: String,
}

impl FilterFields {
    /// Reads the fields; what can't be read is said beside its field.
    pub fn read(&self) -> Result<Wanted, FieldErrors> {
        let mut errors = FieldErrors::default();
        let (person, user) = match read(&self.q, "q", WHOM, &mut errors, whom) {
            Some(Whom::Named(part)) => (Some(part), None),
            Some(Whom::Number(number)) => (None, Some(number)),
            None => (None, None),
        };
        let filter = Filter {
            person,
            user,
            network: read(&self.ip, "ip", NETWORK, &mut errors, network),
            browser: read(&self.browser, "browser", BROWSER, &mut errors, text),
            os: read(&self.os, "os", SYSTEM, &mut errors, text),
            role: read(&self.role, "role", "Choose user or admin.", &mut errors, Role::parse),
            remembered: read(&self.remembered, "remembered", "Choose yes or no.", &mut errors, yes_or_no),
            older_than: read(&self.older_than, "older_than", DURATION, &mut errors, duration),
            idle_over: read(&self.idle_over, "idle_over", DURATION, &mut errors, duration),
            ended: read(&self.state, "state", "Choose active or ended.", &mut errors, state).unwrap_or(false),
            ..Filter::default()
        };
        let sort = read(&self.sort, "sort", "Choose seen or started.", &mut errors, sort).unwrap_or_default();
        let after = Some(self.after.as_str()).filter(|after| !after.is_empty());
        let cursor = after.and_then(Cursor::parse);
        if after.is_some() && cursor.is_none() {
            errors.add_form("This page of the list doesn't exist. Start from the first page.");
        }
        if errors.is_empty() { Ok(Wanted { filter, sort, after: cursor }) } else { Err(errors) }
    }

    /// The list with these fields.
    pub fn address(&self) -> ListAddress<'_> {
        ListAddress {
            path: "/admin/sessions",
            narrowing: vec![
                ("q", WHO, &self.q),
                ("ip", "IP", &self.ip),
                ("browser", "Browser", &self.browser),
                ("os", "System", &self.os),
                ("role", "Role", &self.role),
                ("remembered", "Remembered", &self.remembered),
                ("older_than", "Signed in at least", &self.older_than),
                ("idle_over", "Idle over", &self.idle_over),
            ],
            shown: vec![("state", &self.state), ("sort", &self.sort)],
        }
    }

    /// Whether anything narrows the list.
    pub fn is_narrowed(&self) -> bool {
        self.address().is_narrowed()
    }

    /// Name and value of the fields that narrow the list, for a form that repeats them.
    pub fn in_force(&self) -> Vec<(&'static str, String)> {
        self.address().in_force()
    }

    /// The filters in force, each with the list that is without it.
    pub fn chips(&self) -> Vec<Chip> {
        self.address().chips()
    }

    /// The address of the list with these fields, starting at the cursor.
    pub fn href(&self, after: Option<&Cursor>) -> String {
        self.address().href(after.map(Cursor::to_string).as_deref())
    }
}

/// The label of the person, on its chip.
pub(crate) const WHO: &str = "Person";

pub(crate) const PERSON: &str = "Enter part of a name or address, at most 100 characters.";
pub(crate) const WHOM: &str =
    "Enter part of a name or address, at most 100 characters, or # and a user's number.";
pub(crate) const NETWORK: &str = "Enter an IP address or a network, such as 192.0.2.7 or 10.0.0.0/8.";
const BROWSER: &str = "Enter a browser's name, such as Firefox.";
const SYSTEM: &str = "Enter a system's name, such as Linux.";
const DURATION: &str = "Enter a duration, such as 90m, 24h or 7d.";

/// The value of a field that is not empty; one that can't be read is a mistake.
pub(crate) fn read<T>(
    value: &str,
    field: &str,
    mistake: &str,
    errors: &mut FieldErrors,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    let parsed = parse(value);
    if parsed.is_none() {
        errors.add(field, mistake);
    }
    parsed
}

pub(crate) fn text(value: &str) -> Option<String> {
    let plain = value.chars().count() <= LONGEST && !value.chars().any(char::is_control);
    plain.then(|| value.to_owned())
}

/// Somebody by name, or exactly one by number.
pub(crate) fn whom(value: &str) -> Option<Whom> {
    match value.strip_prefix('#') {
        Some(number) => number.parse().ok().map(Whom::Number),
        None => text(value).map(Whom::Named),
    }
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn state(value: &str) -> Option<bool> {
    match value {
        "active" => Some(false),
        "ended" => Some(true),
        _ => None,
    }
}

fn sort(value: &str) -> Option<Sort> {
    match value {
        "seen" => Some(Sort::Seen),
        "started" => Some(Sort::Started),
        _ => None,
    }
}

/// At most ten years: the difference from now must be a date.
fn duration(value: &str) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    humantime::parse_duration(value).ok().filter(|duration| *duration <= LONGEST)
}

/// A network, or an address as the network of just itself; IPv4 may be written as IPv6.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(set: impl FnOnce(&mut FilterFields)) -> FilterFields {
        let mut fields = FilterFields::default();
        set(&mut fields);
        fields
    }

    #[test]
    fn good_fields_are_read() {
        let wanted = fields(|fields| {
            fields.q = " ada ".into();
            fields.ip = "10.1.2.3/8".into();
            fields.role = "admin".into();
            fields.remembered = "no".into();
            fields.older_than = "7d".into();
            fields.idle_over = "90m".into();
            fields.sort = "started".into();
        })
        .read()
        .unwrap();
        assert_eq!(wanted.filter.person.as_deref(), Some("ada"));
        assert!(wanted.filter.network.unwrap().contains(&"10.9.9.9".parse::<IpAddr>().unwrap()));
        assert_eq!(wanted.filter.role, Some(Role::Admin));
        assert_eq!(wanted.filter.remembered, Some(false));
        assert_eq!(wanted.filter.older_than, Some(Duration::from_secs(7 * 24 * 60 * 60)));
        assert_eq!(wanted.filter.idle_over, Some(Duration::from_secs(90 * 60)));
        assert_eq!(wanted.sort, Sort::Started);
        let one = fields(|fields| fields.q = " #7".into()).read().unwrap().filter;
        assert_eq!((one.person, one.user), (None, Some(7)));
        for ip in ["192.0.2.7", "2001:db8::/32", "::1", "::ffff:192.0.2.7"] {
            assert!(fields(|fields| fields.ip = ip.into()).read().is_ok(), "{ip}");
        }
    }

    #[test]
    fn bad_fields_are_named() {
        for ip in ["10.0.0.0/33", "10.0.0", "host", "10.0.0.1-10.0.0.9", "1".repeat(300).as_str()] {
            assert!(fields(|fields| fields.ip = ip.into()).read().unwrap_err().has("ip"), "{ip}");
        }
        let all_bad = fields(|fields| {
            fields.q = "a\0b".into();
            fields.browser = "x".repeat(101);
            fields.os = "a\nb".into();
            fields.role = "root".into();
            fields.remembered = "perhaps".into();
            fields.older_than = "soon".into();
            fields.idle_over = "99999999999999999999d".into();
            fields.state = "all".into();
            fields.sort = "name".into();
            fields.after = "nonsense".into();
        });
        assert!(fields(|fields| fields.q = "#seven".into()).read().unwrap_err().has("q"));
        let errors = all_bad.read().unwrap_err();
        for field in ["q", "browser", "os", "role", "remembered", "older_than", "idle_over", "state", "sort"]
        {
            assert!(errors.has(field), "{field}");
        }
        assert!(errors.form().is_some());
    }

    #[test]
    fn a_chip_leads_to_the_list_without_it() {
        let fields = fields(|fields| {
            fields.q = "a&b".into();
            fields.os = "Linux".into();
            fields.sort = "started".into();
        });
        let chips = fields.chips();
        assert_eq!(chips.len(), 2);
        assert_eq!((chips[0].label, chips[0].value.as_str()), ("Person", "a&b"));
        assert_eq!(chips[0].href, "/admin/sessions?os=Linux&sort=started");
        assert_eq!(chips[1].href, "/admin/sessions?q=a%26b&sort=started");
    }

    proptest! {
        #[test]
        fn no_field_panics(q in ".{0,120}", ip in ".{0,60}", time in ".{0,30}", after in ".{0,60}") {
            let fields = FilterFields { q, ip, older_than: time, after, ..FilterFields::default() };
            let _ = (fields.read(), fields.chips());
        }

        #[test]
        fn an_address_carries_the_filter(q in "[a-z%&=+ ]{1,20}") {
            let fields = FilterFields { q: q.clone(), ip: "10.0.0.0/8".into(), ..FilterFields::default() };
            let url = url::Url::parse("http://localhost").unwrap().join(&fields.href(None)).unwrap();
            let carried: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(carried.get("q").map_or("", String::as_str), q.trim());
            prop_assert_eq!(carried["ip"].as_str(), "10.0.0.0/8");
        }
    }
}
