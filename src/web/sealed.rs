//! Texts that only this site makes and reads: encrypted and signed with the key of the cookies, each kind under a name of its own.

use actix_web::cookie::{Cookie, CookieJar, Key};

/// Seals a text under a name: under another one, such as that of the session's cookie, it isn't opened. The result consists of
/// letters, digits, `-` and `_`.
pub fn seal(key: &Key, name: &str, text: &str) -> Option<String> {
    let mut jar = CookieJar::new();
    jar.private_mut(key).add(Cookie::new(name.to_owned(), text.to_owned()));
    let base64 = jar.get(name)?.value();
    Some(base64.trim_end_matches('=').replace('+', "-").replace('/', "_"))
}

/// The text that was sealed under this name; `None` for anything else.
pub fn open(key: &Key, name: &str, sealed: &str) -> Option<String> {
    let base64 = sealed.replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - base64.len() % 4) % 4);
    let jar = CookieJar::new();
    let opened = jar.private(key).decrypt(Cookie::new(name.to_owned(), format!("{base64}{padding}")))?;
    Some(opened.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_texts_open_under_their_name_and_key_only() {
        let key = Key::generate();
        for text in ["", "a", "ab", "abc", "äöü?&=;"] {
            let sealed = seal(&key, "gatehouse-token", text).unwrap();
            assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            assert_eq!(open(&key, "gatehouse-token", &sealed).as_deref(), Some(text));
            assert_eq!(open(&key, "gatehouse", &sealed), None);
            assert_eq!(open(&Key::generate(), "gatehouse-token", &sealed), None);
            assert_eq!(open(&key, "gatehouse-token", &sealed[1..]), None);
        }
        assert_eq!(open(&key, "gatehouse-token", ""), None);
    }
}
