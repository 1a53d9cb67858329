//! Which answers leave compressed (`COMPRESS`).
//!
//! What stands in a body beside a secret tells of the secret by how well both compress together (BREACH). Whoever wants to use that
//! has to make a browser ask for a page with a text of their own in it, from a page of theirs: such requests are answered
//! uncompressed. So are those with a secret on their page, whoever asks, and all calls of programs.

use actix_web::{
    HttpRequest,
    body::{BodySize, BoxBody, MessageBody as _},
    dev::ServiceResponse,
    http::{
        Method, StatusCode,
        header::{
            ACCEPT_ENCODING, AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, Encoding, Header as _,
            HeaderMap, HeaderValue, REFERER, VARY,
        },
    },
};

use crate::{
    compress::{self, Coding},
    config::Server,
    security::api,
};

/// Smaller bodies fit into one packet either way.
const MIN_BYTES: u64 = 1024;

/// What compresses well.
const TYPES: [&str; 6] = [
    "text/html",
    "text/css",
    "text/javascript",
    "text/plain",
    "application/json",
    "application/manifest+json",
];

/// Pages with a secret on them: the key of an authenticator app, or codes and links that work once.
const SECRET_PAGES: [&str; 7] = [
    "/security/totp",
    "/security/recovery-codes",
    "/setup",
    "/password/reset",
    "/email/confirm",
    "/email/undo",
    "/sign-in/check",
];

/// What a page may be coded in, which is made anew each time.
const PAGE_CODINGS: [Encoding; 2] = [Encoding::gzip(), Encoding::identity()];

/// What a file may be coded in, which is compressed once.
pub const FILE_CODINGS: [Encoding; 3] = [Encoding::brotli(), Encoding::gzip(), Encoding::identity()];

/// The coding that the client prefers of these; `None`: none at all.
pub fn asked_for(req: &HttpRequest, codings: &[Encoding]) -> Option<Coding> {
    if !req.headers().contains_key(ACCEPT_ENCODING) {
        return None;
    }
    let accepted = AcceptEncoding::parse(req).ok()?;
    match accepted.negotiate(codings.iter())? {
        coding if coding == Encoding::brotli() => Some(Coding::Brotli),
        coding if coding == Encoding::gzip() => Some(Coding::Gzip),
        _ => None,
    }
}

/// Compresses an answer where that is asked for and gives nothing away.
pub fn finish(res: ServiceResponse<BoxBody>, server: &Server) -> ServiceResponse<BoxBody> {
    if !server.compress || !may_be(&res) {
        return res;
    }
    let coding = asked_for(res.request(), &PAGE_CODINGS).filter(|_| is_own_wish(res.request(), server));
    let (req, mut response) = res.into_parts();
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    let Some(coding) = coding else { return ServiceResponse::new(req, response) };
    let (mut head, body) = response.into_parts();
    match body.try_into_bytes() {
        Ok(bytes) => {
            head.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            let body = BoxBody::new(compress::quickly(&bytes));
            ServiceResponse::new(req, head.set_body(body))
        }
        // A stream, such as a file of the operator's.
        Err(body) => ServiceResponse::new(req, head.set_body(body)),
    }
}

fn may_be(res: &ServiceResponse<BoxBody>) -> bool {
    let (req, headers) = (res.request(), res.headers());
    let is_large = matches!(res.response().body().size(), BodySize::Sized(size) if size >= MIN_BYTES);
    let is_read = matches!(*req.method(), Method::GET | Method::HEAD);
    is_large
        && is_read
        && res.status() != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(CONTENT_ENCODING)
        && is_text(headers)
        && !holds_secret(req)
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    TYPES
        .iter()
        .any(|text| kind.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with(';')))
}

fn holds_secret(req: &HttpRequest) -> bool {
    let path = req.path();
    let is_public = matches!(path, api::DOCS | "/auth/openapi.json");
    SECRET_PAGES.contains(&path) || api::is_call(path) && !is_public
}

/// Whether no page of another site made the browser ask. Old browsers send no `Sec-Fetch-Site`.
fn is_own_wish(req: &HttpRequest, server: &Server) -> bool {
    match req.headers().get("sec-fetch-site") {
        Some(site) => site == "same-origin" || site == "none",
        None => req.headers().get(REFERER).is_none_or(|referer| {
            let origin = server.base_url.origin().ascii_serialization();
            referer.to_str().is_ok_and(|referer| {
                referer.strip_prefix(&origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        }),
    }
}
