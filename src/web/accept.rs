//! The kind of response that a client accepts.

use actix_web::{
    HttpRequest,
    dev::RequestHead,
    http::{
        Method,
        header::{ACCEPT, HeaderMap, HeaderName},
    },
};

use crate::security::api;

/// The media type of RFC 9457 problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

const EVENT_STREAM: &str = "text/event-stream";

/// The header by which a script marks a request that no person made.
const BACKGROUND: HeaderName = HeaderName::from_static("x-background");

/// Whether the client gets problem details, not pages: it asks for what only scripts ask for, or accepts JSON or an event stream and no
/// HTML.
pub fn wants_json(req: &HttpRequest) -> bool {
    if api::is_json(req.path()) {
        return true;
    }
    let accept = req.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_script =
        ["application/json", PROBLEM_JSON, EVENT_STREAM].iter().any(|media_type| accept.contains(media_type));
    is_script && !accept.contains("text/html")
}

/// What open pages ask for by themselves: the streams, the pages that are kept current, and what a page of a site behind this login
/// fetches. `{id}` stands for one segment.
const BACKGROUND_READS: [&str; 7] = [
    "/session/events",
    "/sessions",
    "/admin",
    "/admin/sessions",
    "/admin/sessions/events",
    "/admin/sessions/{id}",
    "/auth/verify",
];

/// Whether a page made the request by itself: a session that no person uses expires in time, even while one of its pages
/// stays open. Anything else counts as use, whatever it says of itself: a thief's requests would leave no trace.
pub fn is_in_background(req: &RequestHead) -> bool {
    let is_read = matches!(req.method, Method::GET | Method::HEAD);
    is_read
        && is_from_open_page(&req.headers)
        && BACKGROUND_READS.iter().any(|known| matches_path(known, req.uri.path()))
}

/// Whether a script of ours says that no person made the request.
fn is_from_open_page(headers: &HeaderMap) -> bool {
    headers.contains_key(BACKGROUND) || headers.get(ACCEPT).is_some_and(|accept| accept == EVENT_STREAM)
}

fn matches_path(known: &str, path: &str) -> bool {
    match known.strip_suffix("{id}") {
        Some(start) => path.strip_prefix(start).is_some_and(|id| !id.contains('/')),
        None => path == known,
    }
}

/// Whether a page of another site has caused the request (W3C Fetch Metadata).
pub fn is_of_other_site(req: &HttpRequest) -> bool {
    req.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

/// Whether a script, or a page for one of its parts, made the request, so that its answer is not shown as a page. Browsers say
/// so in `Sec-Fetch-Mode` (W3C Fetch Metadata).
pub fn is_from_script(req: &HttpRequest) -> bool {
    let mode = req.headers().get("sec-fetch-mode");
    wants_json(req) || is_from_open_page(req.headers()) || mode.is_some_and(|mode| mode != "navigate")
}
