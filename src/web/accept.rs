//! What kind of answer a client asks for.

use actix_web::{HttpRequest, http::header::ACCEPT};

/// The media type of RFC 9457 problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

const EVENT_STREAM: &str = "text/event-stream";

/// Whether the client asked for JSON rather than for a page.
pub fn wants_json(req: &HttpRequest) -> bool {
    let accept = req.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_script = ["application/json", PROBLEM_JSON, EVENT_STREAM].iter().any(|kind| accept.contains(kind));
    is_script && !accept.contains("text/html")
}
