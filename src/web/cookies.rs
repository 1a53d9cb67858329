//! Cookies: the `Cookie` headers of a request and the `Set-Cookie` headers of a response. Nothing else reads them.

use actix_web::{
    HttpMessage as _, HttpRequest,
    body::BoxBody,
    cookie::{Cookie, SameSite},
    dev::ServiceResponse,
    http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE},
};

use crate::config::{Server, Site};

/// The cookies of this site beside the session's. What isn't listed here never reaches a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteCookie {
    /// A notice for the next page.
    Notice,
    /// Which end of a session the browser has shown.
    ShownEnd,
    /// The browser has signed in before.
    KnownBrowser,
    /// The password was right, and the second step is open.
    SecondStep,
    /// People trust the browser, and are asked for their password alone.
    TrustedBrowser,
    /// The browser has proven lately that it has the key which its session is bound to.
    Bound,
    /// The same, for all hosts of `COOKIE_DOMAIN`.
    BoundOnDomain,
    /// The time zone of the reader, which the script of the administration's pages tells; no secret.
    Zone,
}

impl SiteCookie {
    const ALL: [Self; 8] = [
        Self::Notice,
        Self::ShownEnd,
        Self::KnownBrowser,
        Self::SecondStep,
        Self::TrustedBrowser,
        Self::Bound,
        Self::BoundOnDomain,
        Self::Zone,
    ];

    /// Its name; over https browsers keep those that matter for this host alone.
    pub fn name(self, server: &Server) -> &'static str {
        match (self, server.is_https()) {
            (Self::Notice, true) => "__Host-gatehouse-notice",
            (Self::Notice, false) => "gatehouse-notice",
            (Self::ShownEnd, true) => "__Host-gatehouse-told",
            (Self::ShownEnd, false) => "gatehouse-told",
            (Self::KnownBrowser, true) => "__Host-gatehouse-browser",
            (Self::KnownBrowser, false) => "gatehouse-browser",
            (Self::SecondStep, true) => "__Host-gatehouse-step",
            (Self::SecondStep, false) => "gatehouse-step",
            (Self::TrustedBrowser, true) => "__Host-gatehouse-trusted",
            (Self::TrustedBrowser, false) => "gatehouse-trusted",
            (Self::Bound, true) => "__Host-gatehouse-bound",
            (Self::BoundOnDomain, true) => "__Secure-gatehouse-bound",
            // Browsers bind nothing here.
            (Self::Bound | Self::BoundOnDomain, false) => "gatehouse-bound",
            (Self::Zone, _) => "reader-zone",
        }
    }

    /// The names of all.
    pub fn names(server: &Server) -> [&'static str; 8] {
        Self::ALL.map(|cookie| cookie.name(server))
    }
}

/// The values that a request brings for the cookie of that name, encoded as they are sent. Names count byte for byte. Browsers
/// send any octets (RFC 6265 §5.4) and several cookies of one name: what can't be read is skipped, and so are empty values.
pub fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    pairs(headers).filter(move |(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
}

/// Leaves a request with one cookie of that name, or none, and with those of the names `others`. Libraries decode and trim names:
/// what another site of the domain has set could become a cookie of ours.
pub fn choose(headers: &mut HeaderMap, name: &str, value: Option<&str>, others: &[&str]) {
    // They also give up all cookies at the first escape that they can't read.
    let is_other = |other: &str, sent: &str| other != name && others.contains(&other) && !sent.contains('%');
    let others = pairs(headers).filter(|(other, sent)| is_other(other, sent));
    let mut kept = String::new();
    for (name, value) in value.map(|value| (name, value)).into_iter().chain(others) {
        let separator = if kept.is_empty() { "" } else { "; " };
        kept.extend([separator, name, "=", value]);
    }
    headers.remove(COOKIE);
    if !kept.is_empty()
        && let Ok(cookies) = HeaderValue::try_from(kept)
    {
        headers.insert(COOKIE, cookies);
    }
}

/// The names and values of all cookies that consist of visible ASCII characters, as those of this site do. The only white space
/// beside them is that between two cookies (RFC 6265 §4.2.1).
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let parts = headers.get_all(COOKIE).flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    parts.filter_map(|part| {
        let part = part.strip_prefix(b" ").unwrap_or(part).trim_ascii_end();
        let text = std::str::from_utf8(part).ok().filter(|_| part.iter().all(u8::is_ascii_graphic))?;
        text.split_once('=').filter(|(name, _)| !name.is_empty())
    })
}

/// A cookie for this host alone that no script reads, until the browser is closed.
pub fn for_this_host(server: &Server, name: &'static str, value: String) -> Cookie<'static> {
    of_one_host(name.to_owned(), value, server.is_https())
}

/// The same for the host of another site, named after what it is for.
pub fn at_site(site: &Site, purpose: &str, value: String) -> Cookie<'static> {
    of_one_host(site.cookie_name(purpose), value, site.is_https())
}

/// The removal of such a cookie.
pub fn removal_at_site(site: &Site, purpose: &str) -> Cookie<'static> {
    let mut cookie = at_site(site, purpose, String::new());
    cookie.make_removal();
    cookie
}

fn of_one_host(name: String, value: String, secure: bool) -> Cookie<'static> {
    Cookie::build(name, value).path("/").secure(secure).http_only(true).same_site(SameSite::Lax).finish()
}

/// Adds a cookie; one that is no valid header is left out.
pub fn append(headers: &mut HeaderMap, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::from_str(&cookie.encoded().to_string()) {
        headers.append(SET_COOKIE, value);
    }
}

/// In the request's extensions: its answer sets no cookie.
struct SetsNone;

/// Makes the answer to a request set no cookie, whatever else sets: its client has a token instead.
pub fn set_none(req: &HttpRequest) {
    req.extensions_mut().insert(SetsNone);
}

/// Whether the answer to a request is to set no cookie.
pub fn is_to_set_none(req: &HttpRequest) -> bool {
    req.extensions().contains::<SetsNone>()
}

/// Takes the cookies out of an answer that is to set none.
pub fn finish(res: &mut ServiceResponse<BoxBody>) {
    if is_to_set_none(res.request()) {
        res.headers_mut().remove(SET_COOKIE);
    }
}

/// Whether the response sets a cookie of that name.
pub fn sets(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(SET_COOKIE).any(|set| has_name(set, name))
}

/// Whether a `Set-Cookie` header is for the cookie of that name.
pub fn has_name(set_cookie: &HeaderValue, name: &str) -> bool {
    set_cookie.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}

/// Keeps only the `Set-Cookie` headers for which `keep` returns true.
pub fn retain(headers: &mut HeaderMap, keep: impl Fn(&HeaderValue) -> bool) {
    let kept: Vec<HeaderValue> = headers.remove(SET_COOKIE).filter(keep).collect();
    for value in kept {
        headers.append(SET_COOKIE, value);
    }
}

/// Puts cookies before those that a response sets: of two for the same cookie a browser keeps the last.
pub fn prepend(headers: &mut HeaderMap, cookies: impl Iterator<Item = Cookie<'static>>) {
    let set: Vec<HeaderValue> = headers.remove(SET_COOKIE).collect();
    for cookie in cookies {
        append(headers, &cookie);
    }
    for value in set {
        headers.append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            if let Ok(line) = HeaderValue::from_bytes(line) {
                headers.append(COOKIE, line);
            }
        }
        headers
    }

    #[test]
    fn cookie_values_skip_what_is_unreadable() {
        let headers =
            sent(&[b"x=\xff; id=; id=a%3D=; \xe9=1; id = b; %69d=c; \"id\"=d; id", b"=;;id=e;Id=f"]);
        assert_eq!(values(&headers, "id").collect::<Vec<_>>(), ["a%3D=", "e"]);
    }

    #[test]
    fn cookie_names_count_byte_for_byte() {
        for name in [
            "%69d",
            "\tid",
            "  id",
            "id\t",
            "id ",
            "\u{2000}id",
            "\u{a0}id",
            "\u{85}id",
            "id\u{3000}",
            "ID",
            "\"id\"",
        ] {
            let headers = sent(&[format!("x=1; {name}=evil; id=good").as_bytes()]);
            assert_eq!(values(&headers, "id").collect::<Vec<_>>(), ["good"], "{name:?}");
        }
    }

    #[test]
    fn cookie_choose_leaves_one_and_the_named_others() {
        let mut headers = sent(&[b"x=\xff; id=a; y=1; %69d=b; id=c; z=%ff; q", b"id=d; w=\"2\""]);
        choose(&mut headers, "id", Some("c"), &["y", "z", "w"]);
        let lines: Vec<_> = headers.get_all(COOKIE).collect();
        assert_eq!(lines, ["id=c; y=1; w=\"2\""]);
        choose(&mut headers, "id", None, &["w"]);
        assert_eq!((values(&headers, "id").next(), values(&headers, "y").next()), (None, None));
        choose(&mut headers, "id", None, &[]);
        assert!(!headers.contains_key(COOKIE));
    }

    /// An octet that a header may have.
    fn octet() -> impl Strategy<Value = u8> {
        prop_oneof![Just(b'\t'), b' '..=b'~', 128_u8..=255]
    }

    proptest! {
        #[test]
        fn cookie_found_beside_anything(
            before in proptest::collection::vec(octet(), 0..40),
            after in proptest::collection::vec(octet(), 0..40),
        ) {
            let line = [before.as_slice(), b"; id=good; ", after.as_slice()].concat();
            let mut headers = sent(&[&line]);
            prop_assert!(values(&headers, "id").any(|value| value == "good"));
            choose(&mut headers, "id", Some("good"), &["other"]);
            let text = headers.get(COOKIE).unwrap().to_str().unwrap();
            let read: Result<Vec<_>, _> = text.split("; ").map(Cookie::parse_encoded).collect();
            let read = read.unwrap();
            prop_assert_eq!((read[0].name(), read[0].value()), ("id", "good"));
            prop_assert!(read[1..].iter().all(|other| other.name() == "other"));
        }
    }
}
