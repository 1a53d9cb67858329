//! How mail leaves: `SMTP_URL`, `MAIL_FROM`.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

use lettre::{Address, message::Mailbox};
use url::{Host, Url};

use super::{DatabaseUrl, Server, percent, reader::Reader};
use crate::files;

/// The folder for mail where there is no server, beside the database of SQLite.
const FOLDER: &str = "mail";

/// How mail leaves, and whom it comes from.
#[derive(Debug, Clone)]
pub struct Mail {
    /// `SMTP_URL`: the server that takes the mail. Unset: each mail becomes a file.
    pub server: Option<SmtpUrl>,
    /// `MAIL_FROM`: name and address that mail comes from. Default: [`Mail::sender`].
    from: Option<Mailbox>,
    /// Where the files are: beside the database of SQLite, else in `data/`.
    pub folder: PathBuf,
}

impl Mail {
    pub(super) fn read(reader: &mut Reader, database: &DatabaseUrl) -> Self {
        let beside = match database {
            DatabaseUrl::Sqlite(path) => files::folder_of(path),
            DatabaseUrl::Postgres(_) => Path::new("data"),
        };
        Self {
            server: reader.read_hidden(
                "SMTP_URL",
                "smtp://[user:password@]host[:port] or smtps://…",
                SmtpUrl::parse,
            ),
            from: reader.parse(
                "MAIL_FROM",
                "an address, or a name and an address, such as Gatehouse <login@example.org>",
                None,
                |value| sender(value).map(Some),
            ),
            folder: beside.join(FOLDER),
        }
    }

    /// Whom mail comes from: the site by its name, and `gatehouse` at the host of `BASE_URL` (at `localhost` where that is an IP address), unless `MAIL_FROM` says something else.
    pub fn sender(&self, server: &Server, name: &str) -> Mailbox {
        let by_default = || {
            let host = match server.base_url.host() {
                Some(Host::Domain(name)) => name,
                // Mail comes from a name: no server takes it from an IP address, and no message can be made with one.
                Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => "localhost",
            };
            // The host of a URL is in ASCII and has no character that means anything in an address.
            Mailbox::new(Some(name.to_owned()), Address::new_dangerous("gatehouse", host))
        };
        self.from.clone().unwrap_or_else(by_default)
    }

    /// What must not be printed.
    pub(super) fn secrets(&self) -> Vec<String> {
        self.server.as_ref().map(SmtpUrl::secrets).unwrap_or_default()
    }
}

/// An address as every mail server takes it (RFC 5321): the domain in ASCII, and what needs quotes before the `@` in quotes. `None`
/// for a text that is no address.
pub fn mail_address(text: &str) -> Option<Address> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    let domain =
        if domain.starts_with('[') { domain.to_owned() } else { idna::domain_to_ascii(domain).ok()? };
    let plain =
        local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte));
    // HTML takes a dot at either end, or two of them, without quotes; mail does not.
    let as_quoted = || plain.then(|| Address::new(format!("\"{local}\""), &domain).ok()).flatten();
    local.is_ascii().then(|| Address::new(local, &domain).ok().or_else(as_quoted)).flatten()
}

/// Reads an address, or a name and an address in angle brackets. The name needs no quotes.
fn sender(text: &str) -> Option<Mailbox> {
    let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
        return Some(Mailbox::new(None, named_address(text)?));
    };
    let name = name.trim();
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    let shown = !name.is_empty() && !name.contains(char::is_control);
    shown.then(|| Some(Mailbox::new(Some(name.to_owned()), named_address(address)?))).flatten()
}

/// An address whose domain is a name.
fn named_address(text: &str) -> Option<Address> {
    mail_address(text).filter(|address| !address.domain().starts_with('['))
}

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

    fn secrets(&self) -> Vec<String> {
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

    #[test]
    fn mail_addresses_are_in_the_form_of_smtp() {
        for (typed, sent) in [
            ("Ada@Example.org", "Ada@example.org"),
            ("grace@bücher.example", "grace@xn--bcher-kva.example"),
            (".a..b.@example.org", "\".a..b.\"@example.org"),
            ("o'neil+x@example.org", "o'neil+x@example.org"),
            ("grace@[192.0.2.7]", "grace@[192.0.2.7]"),
            ("root@localhost", "root@localhost"),
        ] {
            assert_eq!(
                mail_address(typed).map(|address| address.to_string()),
                Some(sent.to_owned()),
                "{typed}"
            );
        }
        for wrong in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a\r\nBcc: b@example.org",
            "a b@example.org",
            "a@b@c>",
            "ä@example.org",
        ] {
            assert_eq!(mail_address(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sender_is_a_mailbox() {
        for (text, sent) in [
            ("login@example.org", "login@example.org"),
            ("Ärzte, GmbH <login@bücher.example>", "\"Ärzte, GmbH\" <login@xn--bcher-kva.example>"),
            ("\"A, B\" <a@example.org>", "\"A, B\" <a@example.org>"),
        ] {
            assert_eq!(sender(text).map(|mailbox| mailbox.to_string()), Some(sent.to_owned()), "{text}");
        }
        for wrong in [
            "login",
            "A <b",
            "A <b>",
            "<a@example.org>",
            "a@b@example.org",
            "a@example.org, b@example.org",
            "A <ä@example.org>",
            "a@[192.0.2.7]",
            "A <a@[192.0.2.7]>",
        ] {
            assert!(sender(wrong).is_none(), "{wrong}");
        }
    }
}
