//! Parsing the fields of a filter.

use std::net::IpAddr;

use ipnet::IpNet;

use super::form::FieldErrors;

/// Most characters of a text.
const MAX_TEXT: usize = 100;

/// The message for a network that can't be parsed.
pub const NETWORK: &str = "Enter an IP address or a network, such as 192.0.2.7 or 10.0.0.0/8.";

/// Parses a field; `None` when it is empty. When it can't be parsed, `mistake` is added to `errors`.
pub fn read<T>(
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

/// A text of at most 100 characters, none of them a control character.
pub fn text(value: &str) -> Option<String> {
    let is_plain = value.chars().count() <= MAX_TEXT && !value.chars().any(char::is_control);
    is_plain.then(|| value.to_owned())
}

/// `yes` or `no`.
pub fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// A network, or an address as the network that holds only itself; IPv4 may be written as IPv4-mapped IPv6.
pub fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical())))
}
