//! `SMTP_URL`: the server that takes the mail.

use std::{fmt, net::IpAddr};

use url::Url;

use super::percent;

/// How a connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the first byte, and the certificate is checked (`smtps://`).
    Implicit,
    /// By STARTTLS, or nothing is sent; the certificate is checked.
    Required,
    /// By STARTTLS where the server has it (RFC 7435). The certificate is not checked, since whoever can forge it can also hide that
    /// the server has STARTTLS.
    Opportunistic,
}

/// A mail server; `Debug` does not print it.
#[derive(Clone)]
pub struct SmtpUrl {
    /// Its name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// User name and password.
    pub credentials: Option<(String, String)>,
    /// The password as it is written.
    written_password: String,
}

impl SmtpUrl {
    /// Reads `smtp://` or `smtps://`.
    ///
    /// # Errors
    /// What is wrong with it, without its text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("is no URL that can be read: {error}"))?;
        let implicit = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err("does not begin with smtp:// or smtps://".to_owned()),
        };
        check(&url)?;
        let credentials = match (url.username(), url.password().unwrap_or_default()) {
            ("", "") => None,
            (_, "") => return Err("has a user name and no password".to_owned()),
            ("", _) => return Err("has a password and no user name".to_owned()),
            (user, password) => Some((utf8(user)?, utf8(password)?)),
        };
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let tls = match &credentials {
            _ if implicit => SmtpTls::Implicit,
            Some(_) if !is_loopback(&host) => SmtpTls::Required,
            _ => SmtpTls::Opportunistic,
        };
        let default_port = match &credentials {
            _ if implicit => 465,
            Some(_) => 587,
            None => 25,
        };
        Ok(Self {
            host,
            port: url.port().unwrap_or(default_port),
            tls,
            credentials,
            written_password: url.password().unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        let decoded = self.credentials.as_ref().map(|(_, password)| password.clone());
        decoded.into_iter().chain([self.written_password.clone()]).collect()
    }
}

fn check(url: &Url) -> Result<(), &'static str> {
    let host = url.host_str().unwrap_or_default();
    let is_address = host.starts_with('[');
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() {
        return Err("names no host");
    }
    if !is_address && !host.chars().all(is_name) {
        return Err("has a host that is no name or address");
    }
    if url.port() == Some(0) {
        return Err("has a port that is not from 1 to 65535");
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(
            "has something after the host, which it does not take; / ? and # in a password are written \
                    %2F, %3F and %23",
        );
    }
    Ok(())
}

fn utf8(part: &str) -> Result<String, &'static str> {
    String::from_utf8(percent::decode(part)?).map_err(|_| "has a user name or password that is not UTF-8")
}

fn is_loopback(host: &str) -> bool {
    let is_name = host == "localhost" || host.ends_with(".localhost");
    is_name || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpUrl(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smtp_urls_say_host_port_tls_and_credentials() {
        for (url, host, port, tls) in [
            ("smtp://mail.example.org", "mail.example.org", 25, SmtpTls::Opportunistic),
            ("smtps://Mail.Example.org/", "mail.example.org", 465, SmtpTls::Implicit),
            ("smtp://ada:p@mail.example.org", "mail.example.org", 587, SmtpTls::Required),
            ("smtp://ada:p@mail.example.org:2525", "mail.example.org", 2525, SmtpTls::Required),
            ("smtp://ada:p@localhost:25", "localhost", 25, SmtpTls::Opportunistic),
            ("smtp://ada:p@[::1]:25", "::1", 25, SmtpTls::Opportunistic),
            ("smtp://192.0.2.7", "192.0.2.7", 25, SmtpTls::Opportunistic),
            ("smtps://ada:p@[2001:db8::7]", "2001:db8::7", 465, SmtpTls::Implicit),
        ] {
            let found = SmtpUrl::parse(url).unwrap_or_else(|reason| panic!("{url}: {reason}"));
            assert_eq!((found.host.as_str(), found.port, found.tls), (host, port, tls), "{url}");
        }
        let url = SmtpUrl::parse("smtp://ada%40example.org:p%40ss%2Fw%C3%B6rd@mail").unwrap();
        assert_eq!(url.credentials, Some(("ada@example.org".to_owned(), "p@ss/wörd".to_owned())));
        assert_eq!(url.secrets(), ["p@ss/wörd", "p%40ss%2Fw%C3%B6rd"]);
    }

    #[test]
    fn smtp_urls_that_cannot_work_are_refused_without_their_text() {
        for wrong in [
            "hunter2",
            "mail.example.org:25",
            "http://ada:hunter2@mail",
            "smtp:",
            "smtp://",
            "smtp://ada@mail",
            "smtp://:hunter2@mail",
            "smtp://ada:hunter2%zz@mail",
            "smtp://ada:hunter2%ff@mail",
            "smtp://ada:hunter2#x@mail",
            "smtp://ada:hunter2/x@mail",
            "smtp://mail:0",
            "smtp://mail:hunter2",
            "smtp://mail/hunter2",
            "smtp://mail?tls=hunter2",
            "smtp://a,b",
            "smtp://ma il",
        ] {
            let reason = SmtpUrl::parse(wrong).expect_err(wrong);
            assert!(!reason.contains("hunter2"), "{reason}");
        }
    }
}
