//! The filter of the administrator's list, from its query fields.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::{
    sessions::catalogue::{Cursor, Filter},
    web::FieldErrors,
};

const LONGEST: usize = 100;

/// The query fields of `/admin/sessions` as typed.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct FilterFields {
    /// Part of a name or address.
    pub q: String,
    /// An address or network (CIDR).
    pub ip: String,
    /// Where the page starts.
    pub after: String,
}

/// What the fields ask for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// What the list is narrowed to.
    pub filter: Filter,
    /// Where the page starts.
    pub after: Option<Cursor>,
}

impl FilterFields {
    /// Reads the fields; what can't be read is said beside its field.
    pub fn read(&self) -> Result<Wanted, FieldErrors> {
        let mut errors = FieldErrors::default();
        let mut wanted = Wanted::default();
        let q = self.q.trim();
        if q.chars().count() > LONGEST || q.chars().any(char::is_control) {
            errors.add("q", format!("Enter part of a name or address, at most {LONGEST} characters."));
        } else if !q.is_empty() {
            wanted.filter.person = Some(q.to_owned());
        }
        match self.ip.trim() {
            "" => {}
            ip => match network(ip) {
                Some(network) => wanted.filter.network = Some(network),
                None => {
                    errors.add("ip", "Enter an IP address or a network, such as 192.0.2.7 or 10.0.0.0/8.")
                }
            },
        }
        match self.after.as_str() {
            "" => {}
            after => match Cursor::parse(after) {
                Some(cursor) => wanted.after = Some(cursor),
                None => errors.add_form("This page of the list doesn't exist. Start from the first page."),
            },
        }
        if errors.is_empty() { Ok(wanted) } else { Err(errors) }
    }

    /// Whether anything narrows the list.
    pub fn is_narrowed(&self) -> bool {
        !self.q.trim().is_empty() || !self.ip.trim().is_empty()
    }

    /// The address of the list with these fields, starting at the cursor.
    pub fn href(&self, after: Option<&Cursor>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("q", &self.q), ("ip", &self.ip)] {
            if !value.trim().is_empty() {
                query.append_pair(name, value.trim());
            }
        }
        if let Some(cursor) = after {
            query.append_pair("after", &cursor.to_string());
        }
        match query.finish().as_str() {
            "" => "/admin/sessions".to_owned(),
            query => format!("/admin/sessions?{query}"),
        }
    }
}

/// A network, or an address as the network of just itself; IPv4 may be written as IPv6.
fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(q: &str, ip: &str, after: &str) -> FilterFields {
        FilterFields { q: q.into(), ip: ip.into(), after: after.into() }
    }

    #[test]
    fn good_fields_are_read() {
        let wanted = fields(" ada ", "10.1.2.3/8", "").read().unwrap();
        assert_eq!(wanted.filter.person.as_deref(), Some("ada"));
        assert!(wanted.filter.network.unwrap().contains(&"10.9.9.9".parse::<IpAddr>().unwrap()));
        for ip in ["192.0.2.7", "2001:db8::/32", "::1", "::ffff:192.0.2.7"] {
            assert!(fields("", ip, "").read().is_ok(), "{ip}");
        }
    }

    #[test]
    fn bad_fields_are_named() {
        for ip in ["10.0.0.0/33", "10.0.0", "host", "10.0.0.1-10.0.0.9", "1".repeat(300).as_str()] {
            assert!(fields("", ip, "").read().unwrap_err().has("ip"), "{ip}");
        }
        assert!(fields("a\0b", "", "").read().unwrap_err().has("q"));
        assert!(fields("", "", "nonsense").read().unwrap_err().form().is_some());
    }

    proptest! {
        #[test]
        fn no_field_panics(q in ".{0,120}", ip in ".{0,60}", after in ".{0,60}") {
            let _ = fields(&q, &ip, &after).read();
        }

        #[test]
        fn an_address_carries_the_filter(q in "[a-z%&=+ ]{1,20}") {
            let fields = fields(&q, "10.0.0.0/8", "");
            let url = url::Url::parse("http://localhost").unwrap().join(&fields.href(None)).unwrap();
            let carried: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(carried.get("q").map_or("", String::as_str), q.trim());
            prop_assert_eq!(carried["ip"].as_str(), "10.0.0.0/8");
        }
    }
}
