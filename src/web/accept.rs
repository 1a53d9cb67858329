//! The kind of response that a client accepts.

use actix_web::{
    HttpRequest,
    http::header::{ACCEPT, HeaderMap},
};

/// The media type of RFC 9457 problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

const EVENT_STREAM: &str = "text/event-stream";

/// The header by which a script marks a request that no person made.
const BACKGROUND: &str = "x-background";

/// Whether the client accepts JSON or an event stream and no HTML: it is a script and gets problem details, not pages.
pub fn wants_json(req: &HttpRequest) -> bool {
    let accept = req.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_script =
        ["application/json", PROBLEM_JSON, EVENT_STREAM].iter().any(|media_type| accept.contains(media_type));
    is_script && !accept.contains("text/html")
}

/// Whether a page made the request by itself: a session that no person uses expires in time, even while one of its pages
/// stays open.
pub fn is_in_background(headers: &HeaderMap) -> bool {
    headers.contains_key(BACKGROUND) || headers.get(ACCEPT).is_some_and(|accept| accept == EVENT_STREAM)
}

/// Whether a script, or a page for one of its parts, made the request, so that its answer is not shown as a page. Browsers say
/// so in `Sec-Fetch-Mode` (W3C Fetch Metadata).
pub fn is_from_script(req: &HttpRequest) -> bool {
    let mode = req.headers().get("sec-fetch-mode");
    wants_json(req) || is_in_background(req.headers()) || mode.is_some_and(|mode| mode != "navigate")
}
