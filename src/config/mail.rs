//! How mail leaves: `SMTP_URL`, `MAIL_FROM`.

use std::path::{Path, PathBuf};

use lettre::{Address, message::Mailbox};
use url::Host;

use super::{DatabaseUrl, Server, reader::Reader, smtp_url::SmtpUrl};
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

#[cfg(test)]
mod tests {
    use super::*;

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
