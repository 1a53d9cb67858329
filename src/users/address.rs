//! Email addresses: which texts are taken for one, how it is shown and how it is compared.

use icu_normalizer::ComposingNormalizerBorrowed;
use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};
use validator::ValidateEmail as _;

/// Most bytes of an address (RFC 5321).
const MAX_LENGTH: usize = 254;

/// An email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As it is shown: an internationalized domain in Unicode, the rest as typed.
    pub shown: String,
    /// As it is compared: in lower case, the domain in ASCII (UTS 46). Browsers send either form of a domain.
    pub key: String,
}

impl Address {
    /// Reads an address as HTML's `type=email` takes it. The part before the `@` is normalized (NFKC), since an input method may
    /// write it in full width, and is ASCII; the domain is one by UTS 46.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        let (local, domain) = typed.rsplit_once('@').filter(|_| typed.len() <= MAX_LENGTH)?;
        let local = ComposingNormalizerBorrowed::new_nfkc().normalize(local);
        let ascii = if domain.starts_with('[') {
            domain.to_ascii_lowercase()
        } else {
            let (deny, hyphens) = (AsciiDenyList::STD3, Hyphens::CheckFirstLast);
            Uts46::new().to_ascii(domain.as_bytes(), deny, hyphens, DnsLength::Verify).ok()?.into_owned()
        };
        let key = format!("{}@{ascii}", local.to_ascii_lowercase());
        let shown = if domain.is_ascii() && !ascii.contains("xn--") {
            format!("{local}@{domain}")
        } else {
            let (unicode, result) =
                Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
            result.ok()?;
            format!("{local}@{unicode}")
        };
        let fits = key.len() <= MAX_LENGTH && shown.len() <= MAX_LENGTH && key.validate_email();
        fits.then_some(Self { shown, key })
    }
}

/// The address as it is compared; a text that is no address is compared in lower case.
pub fn email_key(typed: &str) -> String {
    Address::parse(typed).map_or_else(|| plain_key(typed), |address| address.key)
}

/// The address in lower case: the key of an account from before domains were compared in ASCII, if it could not get another one.
pub(super) fn plain_key(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// Whether earlier versions took the text for an address; accounts with it can still sign in.
pub(super) fn was_address(typed: &str) -> bool {
    let typed = typed.trim();
    typed.len() <= MAX_LENGTH && typed.validate_email()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn address_forms_have_one_key() {
        for (typed, key, shown) in [
            (" Ada@Example.org ", "ada@example.org", "Ada@Example.org"),
            ("grace@bücher.example", "grace@xn--bcher-kva.example", "grace@bücher.example"),
            ("grace@BÜCHER.example", "grace@xn--bcher-kva.example", "grace@bücher.example"),
            ("grace@bu\u{308}cher.example", "grace@xn--bcher-kva.example", "grace@bücher.example"),
            ("Grace@xn--bcher-kva.example", "grace@xn--bcher-kva.example", "Grace@bücher.example"),
            ("grace@XN--BCHER-KVA.example", "grace@xn--bcher-kva.example", "grace@bücher.example"),
            ("ｇｒａｃｅ@ｅｘａｍｐｌｅ.org", "grace@example.org", "grace@example.org"),
            ("grace@exam\u{ad}ple.org", "grace@example.org", "grace@example.org"),
            ("grace@example。org", "grace@example.org", "grace@example.org"),
            ("grace@[192.0.2.7]", "grace@[192.0.2.7]", "grace@[192.0.2.7]"),
        ] {
            let expected = Address { shown: shown.to_owned(), key: key.to_owned() };
            assert_eq!(Address::parse(typed), Some(expected), "{typed:?}");
        }
    }

    #[test]
    fn address_that_is_none_refused() {
        for typed in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a b@example.org",
            "gra\u{200b}ce@example.org",
            "gra\u{ad}ce@example.org",
            "grace@xn--a.example",
            "grace@xn--zzzzzzzzzz-.example",
            "grace@-a.example",
            "grace@a_b.example",
            "grаce@example.org",
            "grace@exam\u{202e}ple.org",
            "grace@\u{ad}",
            "grace@example..org",
        ] {
            assert_eq!(Address::parse(typed), None, "{typed:?}");
        }
        assert_eq!(Address::parse(&format!("{}@{}.example", "a".repeat(64), "ü".repeat(100))), None);
    }

    proptest! {
        #[test]
        fn address_key_and_shown_form_have_the_same_key(local in "[A-Za-z0-9.+-]{1,20}", domain in r"[a-z0-9\p{L}]{1,20}\.example") {
            if let Some(address) = Address::parse(&format!("{local}@{domain}")) {
                prop_assert_eq!(&email_key(&address.key), &address.key);
                prop_assert_eq!(&email_key(&address.shown), &address.key);
                prop_assert!(address.key.is_ascii());
            }
        }
    }
}
