//! The part of the site that front ends, apps and scripts call: which requests are for it, and the token that they may bring.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use percent_encoding::percent_decode_str;

use super::binding;

/// What the paths of all calls begin with.
pub const PREFIX: &str = "/auth";

/// The one page below it.
pub const DOCS: &str = "/auth/docs";

/// What proxies ask about requests to other sites.
pub const VERIFY: &str = "/auth/verify";

/// Where services are told of ended sessions.
pub const ENDS: &str = "/auth/verify/stream";

/// Whether a path is that of a call, which answers JSON and never a page. Routes are found by the path without its escapes.
pub fn is_call(path: &str) -> bool {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let is_below = path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    is_below && path != DOCS
}

/// What this site's own script calls, for passkeys, and browsers by themselves, for sessions that are bound to their device.
const OF_OWN_SCRIPT: [&str; 7] = [
    "/login/passkey",
    "/login/passkey/options",
    "/login/verify/options",
    "/confirm-password/options",
    "/security/passkeys/options",
    binding::BIND,
    binding::REFRESH,
];

/// Whether a path takes and answers JSON: that of a call, or what this site's own script calls. The latter is for nobody else, so
/// neither tokens nor front ends count there.
pub fn is_json(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    is_call(path) || OF_OWN_SCRIPT.contains(&&*decoded)
}

/// What a request brings as `Authorization: Bearer` (RFC 6750 §2.1).
#[derive(Debug, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// One token.
    Token(&'a str),
    /// More than one, or one that can't be read.
    Unreadable,
}

/// The token of a request; `None`: it brings none. Other schemes are for others, such as a proxy in front.
pub fn bearer(headers: &HeaderMap) -> Option<Bearer<'_>> {
    let mut sent = headers.get_all(AUTHORIZATION).filter_map(|value| {
        let (scheme, rest) = value.as_bytes().split_at_checked(SCHEME.len())?;
        let is_bearer = scheme.eq_ignore_ascii_case(SCHEME) && rest.first().is_none_or(|byte| *byte == b' ');
        is_bearer.then(|| rest.trim_ascii())
    });
    let token = sent.next()?;
    let is_token = !token.is_empty() && token.iter().all(|byte| is_token_letter(*byte));
    match std::str::from_utf8(token) {
        Ok(token) if is_token && sent.next().is_none() => Some(Bearer::Token(token)),
        _ => Some(Bearer::Unreadable),
    }
}

const SCHEME: &[u8] = b"Bearer";

fn is_token_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn calls_are_known_by_their_path() {
        for path in ["/auth", "/auth/", "/auth/me", "/%61uth/me", "/auth/docs/", "/auth/docs/x"] {
            assert!(is_call(path), "{path}");
        }
        for path in ["/", "/authx", "/Auth/me", "/auth/docs", "/auth/%64ocs", "/x/auth/me", "/auth%2Fx/../y"]
        {
            assert_eq!(is_call(path), path.starts_with("/auth%2F"), "{path}");
        }
    }

    #[test]
    fn calls_of_the_own_script_are_json_and_no_calls() {
        for path in ["/login/passkey", "/login/%70asskey/options", "/security/passkeys/options"] {
            assert!(is_json(path) && !is_call(path), "{path}");
        }
        for path in ["/login", "/login/passkey/", "/security/passkeys", "/Login/passkey"] {
            assert!(!is_json(path), "{path}");
        }
        assert!(is_json("/auth/me"));
    }

    #[test]
    fn bearer_is_one_token() {
        let sent = |values: &[&'static [u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
            }
            headers
        };
        for value in [&b"Bearer a-._~+/9="[..], b"bearer a-._~+/9=", b"BEARER   a-._~+/9="] {
            assert_eq!(bearer(&sent(&[value])), Some(Bearer::Token("a-._~+/9=")));
        }
        for values in [
            &[&b"Bearer"[..]][..],
            &[b"Bearer "],
            &[b"Bearer a b"],
            &[b"Bearer \xe4"],
            &[b"Bearer a", b"Bearer a"],
        ] {
            assert_eq!(bearer(&sent(values)), Some(Bearer::Unreadable), "{values:?}");
        }
        for value in [&b"Basic YTpi"[..], b"Bearera", b"", b"Bear", b"\xe4\xe4\xe4\xe4\xe4\xe4\xe4"] {
            assert_eq!(bearer(&sent(&[value])), None, "{value:?}");
        }
        assert_eq!(bearer(&sent(&[b"Basic YTpi", b"Bearer a"])), Some(Bearer::Token("a")));
    }
}
