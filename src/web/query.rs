//! Reading the fields of a filter.

use std::net::IpAddr;

use ipnet::IpNet;

use super::form::FieldErrors;

/// Most characters of a text.
const LONGEST: usize = 100;

/// What a field for a network may hold.
pub const NETWORK: &str = "Enter an IP address or a network, such as 192.0.2.7 or 10.0.0.0/8.";

/// The value of a field that is not empty; a mistake about one that can't be parsed is added to `errors`.
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
    let plain = value.chars().count() <= LONGEST && !value.chars().any(char::is_control);
    plain.then(|| value.to_owned())
}

/// A network, or an address as the network of just itself; IPv4 may be written as IPv6.
pub fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical())))
}
