//! The fields of the administrator's list: its filter, and how the list is shown.

use serde::Deserialize;

use super::filter::FilterFields;
use crate::{
    sessions::catalogue::{
        cursor::Cursor,
        filter::{Filter, ListQuery, Sort},
    },
    web::{Chip, FieldErrors, ListAddress, NO_SUCH_PAGE, query::read},
};

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

    /// The address of the list of sessions in another state, from its start.
    pub fn href_of_state(&self, state: &str) -> String {
        Self { state: state.to_owned(), ..self.clone() }.href(None)
    }

    /// The address of the list with these fields, starting at the cursor.
    pub fn href(&self, after: Option<&Cursor>) -> String {
        self.address().href(after.map(Cursor::to_string).as_deref())
    }

    /// The address of the page that these fields ask for.
    pub fn here(&self) -> String {
        self.address().href(Some(self.after.as_str()).filter(|after| !after.is_empty()))
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

#[cfg(test)]
mod tests {
    use crate::text::SearchKey;
    use std::{net::IpAddr, time::Duration};

    use proptest::prelude::*;

    use super::*;
    use crate::users::Role;

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
            fields.filter.bound = "yes".into();
            fields.filter.older_than = "7d".into();
            fields.filter.idle_over = "90m".into();
            fields.sort = "started".into();
        })
        .read()
        .unwrap();
        assert_eq!(wanted.filter.person, SearchKey::new("ada"));
        assert!(wanted.filter.network.unwrap().contains(&"10.9.9.9".parse::<IpAddr>().unwrap()));
        assert_eq!(wanted.filter.role, Some(Role::Admin));
        assert_eq!(wanted.filter.remembered, Some(false));
        assert_eq!(wanted.filter.bound, Some(true));
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
            fields.filter.bound = "perhaps".into();
            fields.filter.older_than = "soon".into();
            fields.filter.idle_over = "99999999999999999999d".into();
            fields.state = "all".into();
            fields.sort = "name".into();
            fields.after = "nonsense".into();
        });
        assert!(fields(|fields| fields.filter.q = "#seven".into()).read().unwrap_err().has("q"));
        let errors = all_bad.read().unwrap_err();
        for field in
            ["q", "browser", "os", "role", "remembered", "bound", "older_than", "idle_over", "state", "sort"]
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
