//! What browsers send by themselves for sessions that are bound to their device (Device Bound Session Credentials, as Chromium speaks
//! it): the paths, the headers, and what the headers hold.

use actix_web::{
    dev::ServiceRequest,
    http::header::{HeaderMap, HeaderName},
};

/// Where a browser registers the key of a session.
pub const BIND: &str = "/session/bind";
/// Where it proves that it still has the key.
pub const REFRESH: &str = "/session/refresh";

/// Where browsers ask the main host of a site whether another one may bind sessions of all its hosts.
pub const WELL_KNOWN: &str = "/.well-known/device-bound-sessions";

/// Offers a browser to register a key.
pub const REGISTRATION: HeaderName = HeaderName::from_static("secure-session-registration");
/// What the next proof has to sign.
pub const CHALLENGE: HeaderName = HeaderName::from_static("secure-session-challenge");
/// A proof.
const RESPONSE: HeaderName = HeaderName::from_static("secure-session-response");
/// The session that a proof is for.
const ID: HeaderName = HeaderName::from_static("sec-secure-session-id");
/// The sessions whose proof a browser could not renew before this request, and why.
const SKIPPED: HeaderName = HeaderName::from_static("secure-session-skipped");

/// Whether a browser sends a request by itself, whatever page has asked for what it holds back meanwhile. No page can make it send one:
/// scripts may not set headers that begin with `Sec-`, nor, to another site, the one with the proof unless that allows it (CORS).
pub fn is_by_browser(req: &ServiceRequest) -> bool {
    match req.path() {
        REFRESH => req.headers().contains_key(ID),
        BIND => req.headers().contains_key(RESPONSE),
        _ => false,
    }
}

/// The proof of a request; `None` without one, or with several.
pub fn proof(headers: &HeaderMap) -> Option<&str> {
    single(headers, &RESPONSE)
}

/// Whether a request brings a proof, or more than one.
pub fn has_proof(headers: &HeaderMap) -> bool {
    headers.contains_key(RESPONSE)
}

/// The session that a request to [`REFRESH`] is about.
pub fn session_id(headers: &HeaderMap) -> Option<&str> {
    single(headers, &ID).filter(|id| !id.is_empty())
}

/// Whether the browser says that it could not renew the proof of this session: `unreachable;session_identifier="…"`.
pub fn is_skipped(headers: &HeaderMap, session: &str) -> bool {
    let lines = headers.get_all(SKIPPED).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split([',', ';'])).any(|part| {
        let named = part.trim().strip_prefix("session_identifier").map(str::trim_start);
        let named = named.and_then(|rest| rest.strip_prefix('='));
        named.is_some_and(|id| unquoted(id.trim()) == session)
    })
}

/// The value of a header that is there once. Browsers send it bare, the draft of the standard has it in quotes.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut sent = headers.get_all(name);
    let value = sent.next().filter(|_| sent.next().is_none())?;
    Some(unquoted(value.to_str().ok()?.trim()))
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn binding_values_come_bare_or_quoted_and_once() {
        for (values, expected) in [
            (&["Sx-_1"][..], Some("Sx-_1")),
            (&["\"Sx-_1\""], Some("Sx-_1")),
            (&[" \"Sx\" "], Some("Sx")),
            (&["\"Sx"], Some("\"Sx")),
            (&["\""], Some("\"")),
            (&["\"\""], None),
            (&["a", "a"], None),
            (&[], None),
        ] {
            assert_eq!(session_id(&headers(ID, values)), expected, "{values:?}");
        }
    }

    #[test]
    fn binding_skipped_names_its_session() {
        for (values, expected) in [
            (&["server_error;session_identifier=\"S1\""][..], true),
            (&["unreachable; session_identifier=S1"], true),
            (&["quota_exceeded;session_identifier=\"S0\", server_error;session_identifier=\"S1\""], true),
            (&["server_error;session_identifier=\"S0\"", "unreachable;session_identifier = \"S1\""], true),
            (&["anything;a=b;session_identifier=\"S1\";c"], true),
            (&["server_error;session_identifier=\"S10\""], false),
            (&["server_error;session_identifier=\"S0\""], false),
            (&["server_error;other=\"S1\""], false),
            (&["S1"], false),
            (&[], false),
        ] {
            assert_eq!(is_skipped(&headers(SKIPPED, values), "S1"), expected, "{values:?}");
        }
    }
}
