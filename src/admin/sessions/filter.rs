//! The filter of the administrator's list: one set of fields for the page, for the form that ends what matches, and for the
//! command line. A new filter is added here and in `sessions/catalogue/filter.rs`.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    sessions::catalogue::{
        cursor::Cursor,
        filter::{Filter, ListQuery, Sort},
    },
    users::{Role, UserQuery},
    web::{
        Chip, FieldErrors, ListAddress, NO_SUCH_PAGE,
        query::{NETWORK, network, read, text},
    },
};

/// The fields that narrow the list, as typed; empty ones ask for nothing.
#[derive(Debug, Default, Clone, Deserialize, clap::Args)]
#[serde(default)]
pub struct FilterFields {
    /// Part of a name or address, or # and a user's number
    #[arg(long, default_value = "")]
    pub q: String,
    /// An IP address or network, such as 10.0.0.0/8
    #[arg(long, default_value = "")]
    pub ip: String,
    /// A browser's name, such as Firefox
    #[arg(long, default_value = "")]
    pub browser: String,
    /// A system's name, such as Linux
    #[arg(long, default_value = "")]
    pub os: String,
    /// user or admin
    #[arg(long, default_value = "")]
    pub role: String,
    /// yes or no: signed in with "remember me"
    #[arg(long, default_value = "")]
    pub remembered: String,
    /// Signed in at least so long ago, such as 7d
    #[arg(long, default_value = "")]
    pub older_than: String,
    /// Not seen for so long, such as 90m
    #[arg(long, default_value = "")]
    pub idle_over: String,
}

/// The fields of the list: its filter, and how it is shown.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct ListFields {
    /// What narrows it.
    #[serde(flatten)]
    pub filter: FilterFields,
    /// `active` or `ended`.
    pub state: String,
    /// `seen` or `started`.
    pub sort: String,
    /// Where the page starts.
    pub after: String,
}

/// The label of the field `q`, on its chip.
pub const PERSON_LABEL: &str = "Person";

/// What a field for a person may hold.
pub const PERSON_HINT: &str =
    "Enter part of a name or address, at most 100 characters, or # and a user's number.";

const BROWSER: &str = "Enter a browser's name, such as Firefox.";
const SYSTEM: &str = "Enter a system's name, such as Linux.";
const DURATION: &str = "Enter a duration, such as 90m, 24h or 7d.";

impl FilterFields {
    /// The names of the fields.
    pub const NAMES: &'static [&'static str] =
        &["q", "ip", "browser", "os", "role", "remembered", "older_than", "idle_over"];

    /// Name, label and value of each field.
    fn labelled(&self) -> Vec<(&'static str, &'static str, &str)> {
        vec![
            ("q", PERSON_LABEL, &self.q),
            ("ip", "IP", &self.ip),
            ("browser", "Browser", &self.browser),
            ("os", "System", &self.os),
            ("role", "Role", &self.role),
            ("remembered", "Remembered", &self.remembered),
            ("older_than", "Signed in at least", &self.older_than),
            ("idle_over", "Idle over", &self.idle_over),
        ]
    }

    /// Reads the fields; a mistake is added beside its field.
    fn read(&self, errors: &mut FieldErrors) -> Filter {
        let (person, user) = match read(&self.q, "q", PERSON_HINT, errors, UserQuery::parse) {
            Some(UserQuery::Named(part)) => (Some(part), None),
            Some(UserQuery::Number(number)) => (None, Some(number)),
            None => (None, None),
        };
        Filter {
            person,
            user,
            network: read(&self.ip, "ip", NETWORK, errors, network),
            browser: read(&self.browser, "browser", BROWSER, errors, text),
            os: read(&self.os, "os", SYSTEM, errors, text),
            role: read(&self.role, "role", "Choose user or admin.", errors, Role::parse),
            remembered: read(&self.remembered, "remembered", "Choose yes or no.", errors, yes_or_no),
            older_than: read(&self.older_than, "older_than", DURATION, errors, duration),
            idle_over: read(&self.idle_over, "idle_over", DURATION, errors, duration),
            ..Filter::default()
        }
    }

    /// Whether anything narrows the list.
    pub fn is_narrowed(&self) -> bool {
        self.address().is_filtered()
    }

    /// Name and value of the fields that narrow the list, for a form that repeats them.
    pub fn in_force(&self) -> Vec<(&'static str, String)> {
        self.address().active_filters()
    }

    /// The list of active sessions with this filter.
    pub fn address(&self) -> ListAddress<'_> {
        ListAddress { path: "/admin/sessions", filters: self.labelled(), options: Vec::new() }
    }
}

impl From<FilterFields> for ListFields {
    fn from(filter: FilterFields) -> Self {
        Self { filter, ..Self::default() }
    }
}

impl ListFields {
    /// Reads the fields.
    ///
    /// # Errors
    /// Every mistake, beside its field.
    pub fn read(&self) -> Result<ListQuery, FieldErrors> {
        let mut errors = FieldErrors::default();
        let filter = self.filter.read(&mut errors);
        let ended =
            read(&self.state, "state", "Choose active or ended.", &mut errors, state).unwrap_or(false);
        let sort = read(&self.sort, "sort", "Choose seen or started.", &mut errors, sort).unwrap_or_default();
        let after = Some(self.after.as_str()).filter(|after| !after.is_empty());
        let cursor = after.and_then(Cursor::parse);
        if after.is_some() && cursor.is_none() {
            errors.add_form(NO_SUCH_PAGE);
        }
        let filter = Filter { ended, ..filter };
        if errors.is_empty() { Ok(ListQuery { filter, sort, after: cursor }) } else { Err(errors) }
    }

    /// The list with these fields.
    fn address(&self) -> ListAddress<'_> {
        ListAddress { options: vec![("state", &self.state), ("sort", &self.sort)], ..self.filter.address() }
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use proptest::prelude::*;

    fn fields(set: impl FnOnce(&mut ListFields)) -> ListFields {
        let mut fields = ListFields::default();
        set(&mut fields);
        fields
    }

    #[test]
    fn session_filter_reads_every_field() {
        let wanted = fields(|fields| {
            fields.filter.q = " ada ".into();
            fields.filter.ip = "10.1.2.3/8".into();
            fields.filter.role = "admin".into();
            fields.filter.remembered = "no".into();
            fields.filter.older_than = "7d".into();
            fields.filter.idle_over = "90m".into();
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
        let one = fields(|fields| fields.filter.q = " #7".into()).read().unwrap().filter;
        assert_eq!((one.person, one.user), (None, Some(7)));
        for ip in ["192.0.2.7", "2001:db8::/32", "::1", "::ffff:192.0.2.7"] {
            assert!(fields(|fields| fields.filter.ip = ip.into()).read().is_ok(), "{ip}");
        }
    }

    #[test]
    fn session_filter_reports_bad_fields() {
        for ip in ["10.0.0.0/33", "10.0.0", "host", "10.0.0.1-10.0.0.9", "1".repeat(300).as_str()] {
            assert!(fields(|fields| fields.filter.ip = ip.into()).read().unwrap_err().has("ip"), "{ip}");
        }
        let all_bad = fields(|fields| {
            fields.filter.q = "a\0b".into();
            fields.filter.browser = "x".repeat(101);
            fields.filter.os = "a\nb".into();
            fields.filter.role = "root".into();
            fields.filter.remembered = "perhaps".into();
            fields.filter.older_than = "soon".into();
            fields.filter.idle_over = "99999999999999999999d".into();
            fields.state = "all".into();
            fields.sort = "name".into();
            fields.after = "nonsense".into();
        });
        assert!(fields(|fields| fields.filter.q = "#seven".into()).read().unwrap_err().has("q"));
        let errors = all_bad.read().unwrap_err();
        for field in ["q", "browser", "os", "role", "remembered", "older_than", "idle_over", "state", "sort"]
        {
            assert!(errors.has(field), "{field}");
        }
        assert!(errors.form().is_some());
    }

    #[test]
    fn filter_chip_links_to_list_without_it() {
        let fields = fields(|fields| {
            fields.filter.q = "a&b".into();
            fields.filter.os = "Linux".into();
            fields.sort = "started".into();
        });
        let chips = fields.chips();
        assert_eq!(chips.len(), 2);
        assert_eq!((chips[0].label, chips[0].value.as_str()), ("Person", "a&b"));
        assert_eq!(chips[0].href, "/admin/sessions?os=Linux&sort=started");
        assert_eq!(chips[1].href, "/admin/sessions?q=a%26b&sort=started");
    }

    #[test]
    fn filter_names_are_those_of_the_fields() {
        let fields = FilterFields::default();
        let names: Vec<&str> = fields.labelled().iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, FilterFields::NAMES);
    }

    proptest! {
        #[test]
        fn session_filter_never_panics(q in ".{0,120}", ip in ".{0,60}", time in ".{0,30}", after in ".{0,60}") {
            let fields = ListFields { filter: FilterFields { q, ip, older_than: time, ..FilterFields::default() }, after, ..ListFields::default() };
            let _ = (fields.read(), fields.chips());
        }

        #[test]
        fn list_address_carries_filter(q in "[a-z%&=+ ]{1,20}") {
            let filter = FilterFields { q: q.clone(), ip: "10.0.0.0/8".into(), ..FilterFields::default() };
            let fields = ListFields::from(filter);
            let url = url::Url::parse("http://localhost").unwrap().join(&fields.href(None)).unwrap();
            let carried: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(carried.get("q").map_or("", String::as_str), q.trim());
            prop_assert_eq!(carried["ip"].as_str(), "10.0.0.0/8");
        }
    }
}
