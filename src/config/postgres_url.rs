//! The URL of a Postgres database by the rules of libpq ("Connection URIs" in its documentation), which gets the text as it is.
//!
//! By hand: libpq's own reader is reached by unsafe calls alone, and the `url` crate refuses several hosts and takes what libpq
//! refuses. What libpq would refuse at each attempt to connect is refused here once, at the start.

use std::{fmt, net::Ipv6Addr};

use super::{percent, postgres_parameters as parameters};

/// A Postgres database as libpq reads it; `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    text: String,
    /// Names and values of the part after `?`.
    parameters: Vec<(String, String)>,
    /// The password as it is written.
    password: String,
    has_several_hosts: bool,
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

/// The parts before the parameters, as they are written.
struct Parts<'a> {
    password: &'a str,
    /// Each host with its port.
    hosts: Vec<(&'a str, &'a str)>,
    query: &'a str,
}

impl PostgresUrl {
    /// Reads a whole URL; `rest` is what follows the scheme.
    pub(super) fn parse(text: &str, rest: &str) -> Result<Self, String> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("contains a space; one that is meant as it stands is written %20".to_owned());
        }
        percent::decode(rest)?;
        let parts = split(rest)?;
        let parameters = parameters::read(parts.query)?;
        let has_several_hosts = count_hosts(&parts.hosts, &parameters)? > 1;
        Ok(Self { text: text.to_owned(), parameters, password: parts.password.to_owned(), has_several_hosts })
    }

    /// Whether there is a choice of servers.
    pub fn has_several_hosts(&self) -> bool {
        self.has_several_hosts
    }

    /// The text for libpq with these parameters added, as far as it does not set them itself.
    pub fn with_defaults(&self, defaults: &[(&str, &str)]) -> String {
        let mut text = self.text.trim_end_matches(['?', '&']).to_owned();
        let mut separator = if self.parameters.is_empty() { '?' } else { '&' };
        for (name, value) in defaults {
            if !self.parameters.iter().any(|(known, _)| known == name) {
                text.push(separator);
                text.push_str(name);
                text.push('=');
                text.push_str(value);
                separator = '&';
            }
        }
        text
    }

    /// What must not be printed.
    pub(super) fn secrets(&self) -> Vec<String> {
        let of_parameters = self.parameters.iter().filter(|(name, _)| parameters::is_secret(name));
        let mut secrets: Vec<String> = of_parameters.map(|(_, value)| value.clone()).collect();
        secrets.extend(percent::decode_lossy(&self.password));
        secrets.push(self.password.clone());
        secrets
    }
}

/// Splits as libpq does: credentials end at the first `@` before a `/`, hosts at `/` or `?`, the database at `?`.
fn split(rest: &str) -> Result<Parts<'_>, &'static str> {
    let (credentials, mut rest) = match rest.find(['@', '/']) {
        Some(at) if rest[at..].starts_with('@') => (&rest[..at], &rest[at + 1..]),
        _ => ("", rest),
    };
    let password = credentials.split_once(':').map_or("", |(_, password)| password);
    let mut hosts = Vec::new();
    loop {
        let (host, after) = split_host(rest)?;
        let (port, after) = match after.strip_prefix(':') {
            Some(after) => after.split_at(after.find(['/', '?', ',']).unwrap_or(after.len())),
            None => ("", after),
        };
        hosts.push((host, port));
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => {
                let query = after.split_once('?').map_or("", |(_, query)| query);
                return Ok(Parts { password, hosts, query });
            }
        }
    }
}

/// A host without its brackets, and what follows it.
fn split_host(rest: &str) -> Result<(&str, &str), &'static str> {
    let Some(bracketed) = rest.strip_prefix('[') else {
        return Ok(rest.split_at(rest.find([':', '/', '?', ',']).unwrap_or(rest.len())));
    };
    let (host, after) = bracketed.split_once(']').ok_or("has a [ without its ]")?;
    let address = host.split('%').next().unwrap_or_default();
    if address.parse::<Ipv6Addr>().is_err() || !(after.is_empty() || after.starts_with([':', '/', '?', ',']))
    {
        return Err("has something other than an IPv6 address between [ and ]");
    }
    Ok((host, after))
}

/// Checks the hosts and ports that count, and returns their number: a parameter replaces what stands in the address.
fn count_hosts(hosts: &[(&str, &str)], parameters: &[(String, String)]) -> Result<usize, &'static str> {
    for (host, _) in hosts {
        check_host(&percent::decode_lossy(host)?)?;
    }
    let parameter = |wanted: &str| {
        let found = parameters.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value);
        found.map(|value| value.split(',').collect::<Vec<_>>())
    };
    let host_count =
        parameter("hostaddr").or_else(|| parameter("host")).map_or(hosts.len(), |hosts| hosts.len());
    let ports = parameter("port").unwrap_or_else(|| hosts.iter().map(|(_, port)| *port).collect());
    if ports.len() != 1 && ports.len() != host_count {
        return Err("has a number of ports that is neither one nor that of the hosts");
    }
    if ports.iter().any(|port| !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err("has a port that is not a number from 1 to 65535; \
                    a : / or @ in the password is written %3A, %2F or %40");
    }
    Ok(host_count)
}

/// A name, an address, or the folder of a socket.
fn check_host(host: &str) -> Result<(), &'static str> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '%');
    if host.starts_with('/') || host.chars().all(is_name) {
        Ok(())
    } else {
        Err("has a host that is no name or address; an @ or / in the password is written %40 or %2F")
    }
}

#[cfg(test)]
mod tests {
    use super::super::DatabaseUrl;
    use super::*;

    fn parse(text: &str) -> Result<PostgresUrl, String> {
        match DatabaseUrl::parse(text)? {
            DatabaseUrl::Postgres(url) => Ok(url),
            DatabaseUrl::Sqlite(_) => Err("sqlite".to_owned()),
        }
    }

    #[test]
    fn postgres_urls_that_libpq_takes_pass() {
        for right in [
            "postgres://",
            "postgresql://h",
            "postgres:///site",
            "postgres://ada@/site",
            "postgres://ada:p%40s%2Fs@db.example.org:5433/site",
            "postgres://u:p?q#r:s@h/db",
            "postgres://h1:5432,h2:5433/db?target_session_attrs=read-write",
            "postgres://h1,h2/db",
            "postgres://[::1]:5432,[fe80::1%25eth0]/db",
            "postgres:///db?host=/var/run/postgresql&port=5433",
            "postgres://%2Fvar%2Frun%2Fpostgresql/db",
            "postgres://h?connect_timeout=7",
            "postgres://h/db?host=a,b&port=1,2",
            "postgres://h/db?options=-csearch_path%3Dlogin&application_name=x",
        ] {
            parse(right).unwrap_or_else(|reason| panic!("{right}: {reason}"));
        }
    }

    #[test]
    fn postgres_urls_that_libpq_refuses_are_refused_without_their_text() {
        for wrong in [
            "postgres://u:hunter2%zz@h/db",
            "postgres://u:hunter2%@h/db",
            "postgres://u:hunter2%00@h/db",
            "postgres://u:p@hunter2@h/db",
            "postgres://u:hunter2/x@h/db",
            "postgres://u:hun ter2@h/db",
            "postgres://h:hunter2/db",
            "postgres://h:0/db",
            "postgres://h:65536/db",
            "postgres://[::1/db",
            "postgres://[]/db",
            "postgres://[hunter2]/db",
            "postgres://[::1]x/db",
            "postgres://h1;h2/db",
            "postgres://h/db?hunter2",
            "postgres://h/db?hunter2=1",
            "postgres://h/db?sslmode=a=b",
            "postgres://h/db?sslmode=hunter2",
            "postgres://h/db?&sslmode=disable",
            "postgres://h/db?connect_timeout=soon",
            "postgres://h/db?target_session_attrs=standby",
            "postgres://h1:1,h2:2,h3:3/db?host=a,b",
        ] {
            let reason = parse(wrong).expect_err(wrong);
            assert!(!reason.contains("hunter2") && !reason.contains("ter2"), "{reason}");
        }
        assert!(parse("postgres://h/db?schema=login").expect_err("schema").contains("search_path"));
    }

    #[test]
    fn postgres_defaults_are_added_once() {
        let with = |url: &str| {
            parse(url).unwrap().with_defaults(&[("connect_timeout", "2"), ("keepalives_idle", "5")])
        };
        assert_eq!(with("postgres://db/x"), "postgres://db/x?connect_timeout=2&keepalives_idle=5");
        assert_eq!(with("postgres://db/x?"), "postgres://db/x?connect_timeout=2&keepalives_idle=5");
        assert_eq!(
            with("postgres://db?connect%5Ftimeout=7"),
            "postgres://db?connect%5Ftimeout=7&keepalives_idle=5"
        );
        let password = "postgres://u:connect_timeout=?@db/x";
        assert_eq!(with(password), format!("{password}?connect_timeout=2&keepalives_idle=5"));
    }

    #[test]
    fn postgres_secrets_are_known_in_both_spellings() {
        let secrets = parse("postgres://u:p%40ss@h/db?sslpassword=geheim").unwrap().secrets();
        assert_eq!(secrets, ["geheim", "p@ss", "p%40ss"]);
    }
}
