//! A letter, and the message that it becomes: text and HTML, which say the same.

use askama::Template;
use lettre::{
    Message,
    address::Envelope,
    message::{Mailbox, MultiPart, header::HeaderName, header::HeaderValue},
};

use super::{rows::MailKind, sender::Sender};
use crate::{clock::now_utc, config::mail_address, crypto::random_hex, error::Error, text::plain_forms};

/// Longest part between two dots of a text that no program takes for the name of a host.
const MAX_INITIAL: usize = 1;

/// A letter to one person.
pub struct Letter {
    /// What it is about, for those who look after the mail.
    pub kind: MailKind,
    /// The person's account: with it the mail is deleted. `None`: it tells that the account is gone.
    pub user: Option<i64>,
    /// The person's name.
    pub name: String,
    /// The person's address.
    pub address: String,
    /// The subject; nothing of it comes from a visitor.
    pub subject: String,
    /// What it says.
    pub paragraphs: Vec<String>,
    /// What to do, if there is something to do.
    pub button: Option<Button>,
    /// Why the person gets it.
    pub reason: String,
}

/// The one button of a letter.
pub struct Button {
    /// What it says.
    pub label: &'static str,
    /// Where it leads, from `BASE_URL`.
    pub href: String,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct TextPart<'a> {
    letter: &'a Letter,
    greeted: Option<&'a str>,
    sender: &'a Sender,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct HtmlPart<'a> {
    letter: &'a Letter,
    greeted: Option<&'a str>,
    sender: &'a Sender,
}

impl Letter {
    /// The message as it is sent (RFC 5322), and whom to; `None` when no mail can be sent to the address.
    ///
    /// # Errors
    /// [`Error::Internal`] when it can't be put together.
    pub(super) fn message(&self, sender: &Sender) -> Result<Option<(lettre::Address, String)>, Error> {
        let Some(address) = mail_address(&self.address) else { return Ok(None) };
        let greeted = Some(self.name.trim()).filter(|name| is_plain_name(name));
        let text = TextPart { letter: self, greeted, sender }.render().map_err(Error::internal)?;
        let html = HtmlPart { letter: self, greeted, sender }.render().map_err(Error::internal)?;
        let from = &sender.from;
        // No answering machine answers (RFC 3834).
        let automatic =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let envelope =
            Envelope::new(Some(from.email.clone()), vec![address.clone()]).map_err(Error::internal)?;
        let message = Message::builder()
            .envelope(envelope)
            .from(from.clone())
            .to(Mailbox::new(greeted.map(str::to_owned), address.clone()))
            .subject(self.subject.as_str())
            .date(now_utc().into())
            .message_id(Some(format!("<{}@{}>", random_hex::<16>()?, from.email.domain())))
            .raw_header(automatic)
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(Error::internal)?;
        let message = String::from_utf8(message.formatted()).map_err(Error::internal)?;
        Ok(Some((address, message)))
    }
}

/// Whether a name is one rather than an advertisement: programs that show mail make links of what looks like an address, and anybody
/// can register with a name of their own and somebody else's address. Browsers read wide letters and other dots as plain ones.
pub fn is_plain_name(name: &str) -> bool {
    let name = plain_forms(name);
    let is_host = |word: &str| {
        let parts: Vec<&str> = word.split('.').filter(|part| !part.is_empty()).collect();
        let is_number = parts.iter().all(|part| part.chars().all(|c| c.is_ascii_digit()));
        parts.len() > 1 && (is_number || parts.iter().any(|part| part.chars().count() > MAX_INITIAL))
    };
    let has_mark = |c: char| matches!(c, '/' | ':' | '@' | '<' | '>' | '\\') || c.is_control();
    !name.is_empty() && !name.contains(has_mark) && !name.split_whitespace().any(is_host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use proptest::prelude::*;

    fn letter(name: &str, address: &str) -> Letter {
        Letter {
            kind: MailKind::Invitation,
            user: Some(1),
            name: name.to_owned(),
            address: address.to_owned(),
            subject: "Your invitation to login.example.org".to_owned(),
            paragraphs: vec!["One & <two>.".to_owned()],
            button: Some(Button {
                label: "Choose a password",
                href: "https://login.example.org/password/reset?token=abc".to_owned(),
            }),
            reason: "You get this because of a test.".to_owned(),
        }
    }

    fn message(name: &str) -> String {
        let vars = [
            ("BASE_URL", "https://login.example.org"),
            ("DATABASE_URL", "postgres://db/site"),
            ("SESSION_SECRET", "9b1c6f04d7e2a8539c40be71f5d62a08e3974cb1560fd8a27e49c3158bf06da2"),
            ("SITE_NAME", "Ada & Söhne <b>"),
            ("SUPPORT_CONTACT", "help@example.org"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sender = Sender::new(&Config::from_vars(vars).unwrap());
        letter(name, "ada@example.org").message(&sender).unwrap().unwrap().1
    }

    /// The headers of the message itself, unfolded.
    fn headers(message: &str) -> Vec<String> {
        let head = message.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn letters_have_the_headers_of_mail_and_both_parts() {
        let message = message("Ada Lovelace");
        let headers = headers(&message);
        for expected in [
            "To: \"Ada Lovelace\" <ada@example.org>",
            "Subject: Your invitation to login.example.org",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(headers.iter().any(|line| line == expected), "{expected}: {headers:?}");
        }
        assert!(message.contains("text/plain") && message.contains("text/html") && message.is_ascii());
    }

    #[test]
    fn names_that_read_as_addresses_are_left_out() {
        for name in [
            "Ada Lovelace",
            "J. R. R. Tolkien",
            "J.R.R. Tolkien",
            "E\u{301}.K. Ö",
            "Ada…",
            "Smith Jr.",
            "ליאת",
        ] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in ["Win at evil.example", "https://evil", "www.evil.example", "a@b", "<b>Ada</b>", ""] {
            assert!(!is_plain_name(name), "{name}");
            assert!(!message(name).contains("evil"), "{name}");
        }
        for name in [
            "evil。example",
            "evil｡example",
            "evil．example",
            "evil․example",
            "evil﹒example",
            "ｅｖｉｌ.example",
            "https：//evil",
            "https:／／evil",
            "ada＠evil",
            "1.2.3.4",
            "１。２。３。４",
        ] {
            assert!(!is_plain_name(name), "{name}");
            assert!(message(name).contains("To: ada@example.org\r\n"), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_name_reaches_another_header(name in "(\\PC|\r|\n|\u{85}|\u{2028}){0,100}") {
            let expected =
                ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
            for name in [name.clone(), format!("{name}\r\nBcc: x@evil.example")] {
                let headers = headers(&message(&name));
                let names = headers.iter().map(|line| line.split(':').next().unwrap_or_default());
                prop_assert!(names.clone().all(|name| expected.contains(&name)), "{:?}", headers);
                prop_assert_eq!(names.count(), expected.len());
            }
        }
    }
}
