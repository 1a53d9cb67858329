//! The id of a request: in its log entries, in `X-Request-Id` of its answer and on its error page.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header with the id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header that says which trace a request is part of.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The id of a request. It names the request and proves nothing, so it needs no secure random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    /// The id of another request.
    pub fn next() -> Self {
        Self(fastrand::u64(..))
    }

    /// The id as the value of a header.
    pub fn header(self) -> HeaderValue {
        // Hexadecimal digits are always a value.
        HeaderValue::from_str(&self.to_string()).unwrap_or_else(|_| self.0.into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The id of the trace that a request is part of, as its `traceparent` says (W3C Trace Context, version 00).
pub fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = headers.get(TRACEPARENT)?.to_str().ok()?.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_known = version == "00" && parts.next().is_none();
    let fits = trace.len() == 32 && parent.len() == 16 && flags.len() == 2;
    let is_given = [trace, parent].iter().all(|id| is_hex(id) && id.bytes().any(|byte| byte != b'0'));
    (is_known && fits && is_given && is_hex(flags)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traced(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("traceparent"), HeaderValue::from_str(value).unwrap());
        trace_id(&headers).map(str::to_owned)
    }

    #[test]
    fn request_id_is_the_same_in_header_and_text() {
        let id = RequestId(0xab);
        assert_eq!(id.to_string(), "00000000000000ab");
        assert_eq!(id.header(), "00000000000000ab");
    }

    #[test]
    fn trace_id_is_taken_from_valid_traceparent_only() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(traced(&format!("00-{id}-00f067aa01a902b7-01")).as_deref(), Some(id));
        for wrong in [
            format!("01-{id}-00f067aa01a902b7-01"),
            format!("00-{id}-00f067aa01a902b7-01-x"),
            format!("00-{id}-0000000000000000-01"),
            format!("00-{}-00f067aa01a902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa01a902b7-01", id.to_uppercase()),
            format!("00-{id}-00f067aa01a902b7-0g"),
            format!("00-{}-00f067aa01a902b7-01", &id[1..]),
            id.to_owned(),
            String::new(),
        ] {
            assert_eq!(traced(&wrong), None, "{wrong}");
        }
    }
}
