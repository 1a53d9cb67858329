//! The kind of response that a client accepts.

use actix_web::{HttpRequest, http::header::ACCEPT};

/// The media type of RFC 9457 problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

const EVENT_STREAM: &str = "text/event-stream";

/// Whether the client accepts JSON or an event stream and no HTML: it is a script and gets problem details, not pages.
pub fn wants_json(req: &HttpRequest) -> bool {
    let accept = req.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_script =
        ["application/json", PROBLEM_JSON, EVENT_STREAM].iter().any(|media_type| accept.contains(media_type));
    is_script && !accept.contains("text/html")
}
