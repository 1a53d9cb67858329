//! Links that the operator gives: whom to ask, and what stands in the footer.

use url::Url;

use crate::{config::mail_address, text};

/// Most characters of a link's text.
const MAX_LABEL: usize = 40;
/// Most links of the footer.
const MAX_LINKS: usize = 10;

/// Where a link leads, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLink {
    /// The text.
    pub label: String,
    /// The address: `https`, `http`, `mailto`, or a path of this site.
    pub href: String,
}

/// Whom to ask: a mail address, which becomes a `mailto` link, or an address of the web.
pub(super) fn contact(text: &str) -> Option<OwnLink> {
    if let Some(href) = web_address(text) {
        let label = href
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        return Some(OwnLink { label, href });
    }
    let address = text.strip_prefix("mailto:").unwrap_or(text);
    let address = mail_address(address)?.to_string();
    let mut href = Url::parse("mailto:").ok()?;
    // A `?` or `&` of the address would begin the headers of the mail (RFC 6068).
    href.set_path(&address.replace('%', "%25").replace('?', "%3F").replace('&', "%26"));
    Some(OwnLink { label: address, href: href.into() })
}

/// `Privacy=https://…, Terms=/pages/terms.html`
pub(super) fn links(text: &str) -> Option<Vec<OwnLink>> {
    let links: Option<Vec<_>> = text.split(',').map(link).collect();
    links.filter(|links| links.len() <= MAX_LINKS)
}

fn link(text: &str) -> Option<OwnLink> {
    let (label, target) = text.split_once('=')?;
    let (label, target) = (label.trim(), target.trim());
    let is_label = !label.is_empty() && label.chars().count() <= MAX_LABEL && text::check(label).is_ok();
    let href = web_address(target).or_else(|| local(target)).or_else(|| {
        let address = target.strip_prefix("mailto:")?;
        contact(address).filter(|_| !address.contains("://")).map(|contact| contact.href)
    })?;
    is_label.then(|| OwnLink { label: label.to_owned(), href })
}

/// An address of the web, as browsers write it.
pub(in crate::config) fn web_address(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|_| !text.chars().any(char::is_whitespace))?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.host().is_some();
    (matches!(url.scheme(), "http" | "https") && is_plain).then(|| url.into())
}

/// A path of this site.
pub(in crate::config) fn local(text: &str) -> Option<String> {
    let base = Url::parse("http://site.invalid").ok()?;
    let url =
        base.join(text).ok().filter(|_| text.starts_with('/') && !text.contains(['\\', '\n', '\r', '\t']))?;
    (url.origin() == base.origin() && !text.starts_with("//"))
        .then(|| url[url::Position::BeforePath..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_addresses_of_mail_or_the_web() {
        for (text, label, href) in [
            ("help@example.org", "help@example.org", "mailto:help@example.org"),
            ("mailto:help@example.org", "help@example.org", "mailto:help@example.org"),
            ("a&b?c@example.org", "a&b?c@example.org", "mailto:a%26b%3Fc@example.org"),
            ("https://example.org/help", "example.org/help", "https://example.org/help"),
            ("https://example.org", "example.org", "https://example.org/"),
        ] {
            let expected = OwnLink { label: label.to_owned(), href: href.to_owned() };
            assert_eq!(contact(text), Some(expected), "{text}");
        }
        for wrong in [
            "help",
            "javascript:alert(1)",
            "ftp://example.org",
            "https://u:p@example.org/",
            "https://a b/",
            "@",
        ] {
            assert_eq!(contact(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn footer_links_lead_to_the_web_mail_or_this_site() {
        let found =
            links("Privacy=https://example.org/p?x=1, Terms = /pages/terms.html,Mail=mailto:a@example.org")
                .unwrap();
        let found: Vec<_> = found.iter().map(|link| (link.label.as_str(), link.href.as_str())).collect();
        let expected = [
            ("Privacy", "https://example.org/p?x=1"),
            ("Terms", "/pages/terms.html"),
            ("Mail", "mailto:a@example.org"),
        ];
        assert_eq!(found, expected);
        for wrong in [
            "Privacy",
            "=https://example.org",
            "A=javascript:alert(1)",
            "A=//evil.example",
            "A=/\\evil.example",
            "A=x",
            "A=/x,",
        ] {
            assert_eq!(links(wrong), None, "{wrong}");
        }
        assert_eq!(links(&["A=/x"; MAX_LINKS + 1].join(",")), None);
    }
}
