//! What every request passes: the cross-origin check, headers, the client's address, error pages.

pub mod bodies;
mod client;
mod cross_origin;
mod headers;
mod next;

use actix_web::{
    Error as ActixError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};
use sha2::{Digest as _, Sha256};

use crate::layout::error_pages;
pub use client::{Client, ip_key};
pub use next::local_path;

/// Middleware around everything: another site's request and a body that nobody takes get no further, every failure
/// becomes a page, and the headers go on whatever comes out. One step rather than four, since each costs an
/// allocation.
pub async fn guard(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let asked = error_pages::Asked::of(req.request())?;
    let result = match cross_origin::check(&req).and_then(|()| bodies::check(&req)) {
        Ok(()) => next.call(req).await.map(ServiceResponse::map_into_boxed_body),
        Err(error) => Ok(req.error_response(error)),
    };
    headers::add(asked.site(), asked.path(), error_pages::render(&asked, result))
}

/// `N` random bytes from the operating system, in hex.
pub fn random_hex<const N: usize>() -> String {
    hex::encode(random::<N>())
}

/// `N` random bytes from the operating system, URL-safe.
pub fn random_url_safe<const N: usize>() -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(random::<N>())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random numbers");
    bytes
}

/// Hex SHA-256: how keys and tokens are kept, since they are random and long.
pub fn sha256_hex(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}
