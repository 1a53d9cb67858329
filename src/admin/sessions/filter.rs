//! The filter of the administrator's list: one set of fields for the page, for the form that ends what matches, and for the
//! command line. A new filter is added here and in `sessions/catalogue/filter.rs`.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    sessions::catalogue::{device::DeviceKind, filter::Filter, method::Method},
    users::{Role, UserQuery},
    web::{
        FieldErrors, ListAddress,
        query::{NETWORK, network, read, text, yes_or_no},
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
    /// desktop, phone, tablet, bot or script
    #[arg(long, default_value = "")]
    pub device: String,
    /// yes or no: signed in with "remember me"
    #[arg(long, default_value = "")]
    pub remembered: String,
    /// yes or no: bound to its device, so that a copy of its cookie is of no use
    #[arg(long, default_value = "")]
    pub bound: String,
    /// How it was signed in, such as password or password+totp
    #[arg(long, default_value = "")]
    pub method: String,
    /// Signed in at least so long ago, such as 7d
    #[arg(long, default_value = "")]
    pub older_than: String,
    /// Not seen for so long, such as 90m
    #[arg(long, default_value = "")]
    pub idle_over: String,
}

/// The label of the field `q`, on its chip.
pub const PERSON_LABEL: &str = "Person";

/// What a field for a person may hold.
pub const PERSON_HINT: &str =
    "Enter part of a name or address, at most 100 characters, or # and a user's number.";

const BROWSER: &str = "Enter a browser's name, such as Firefox.";
const SYSTEM: &str = "Enter a system's name, such as Linux.";
const DEVICE: &str = "Choose desktop, phone, tablet, bot or script.";
const METHOD: &str =
    "Choose password, password+totp, password+recovery, password+passkey, passkey, link or drill.";
const DURATION: &str = "Enter a duration, such as 90m, 24h or 7d.";

impl FilterFields {
    /// The names of the fields.
    pub const NAMES: &'static [&'static str] = &[
        "q",
        "ip",
        "browser",
        "os",
        "device",
        "role",
        "remembered",
        "bound",
        "method",
        "older_than",
        "idle_over",
    ];

    /// Name, label and value of each field.
    fn labelled(&self) -> Vec<(&'static str, &'static str, &str)> {
        vec![
            ("q", PERSON_LABEL, &self.q),
            ("ip", "IP", &self.ip),
            ("browser", "Browser", &self.browser),
            ("os", "System", &self.os),
            ("device", "Device", &self.device),
            ("role", "Role", &self.role),
            ("remembered", "Remembered", &self.remembered),
            ("bound", "Bound to its device", &self.bound),
            ("method", "Signed in with", &self.method),
            ("older_than", "Signed in at least", &self.older_than),
            ("idle_over", "Idle over", &self.idle_over),
        ]
    }

    /// Reads the fields; a mistake is added beside its field.
    pub(super) fn read(&self, errors: &mut FieldErrors) -> Filter {
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
            device: read(&self.device, "device", DEVICE, errors, DeviceKind::parse),
            role: read(&self.role, "role", "Choose user or admin.", errors, Role::parse),
            remembered: read(&self.remembered, "remembered", "Choose yes or no.", errors, yes_or_no),
            bound: read(&self.bound, "bound", "Choose yes or no.", errors, yes_or_no),
            method: read(&self.method, "method", METHOD, errors, method),
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

fn method(value: &str) -> Option<Method> {
    Method::known().find(|method| method.name() == value)
}

/// At most ten years: the difference from now must be a date.
fn duration(value: &str) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    humantime::parse_duration(value).ok().filter(|duration| *duration <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_names_are_those_of_the_fields() {
        let fields = FilterFields::default();
        let names: Vec<&str> = fields.labelled().iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, FilterFields::NAMES);
    }
}
