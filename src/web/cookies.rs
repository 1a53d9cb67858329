//! `Set-Cookie` headers of a response.

use actix_web::{
    cookie::Cookie,
    http::header::{HeaderMap, HeaderValue, SET_COOKIE},
};

/// Adds a cookie; one that is no valid header is left out.
pub fn append(headers: &mut HeaderMap, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::from_str(&cookie.encoded().to_string()) {
        headers.append(SET_COOKIE, value);
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
