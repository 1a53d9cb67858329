//! Rendering templates into responses.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::ContentType},
};
use askama::Template;

use super::form::FieldErrors;

/// Initial capacity of a page's buffer, in bytes. Most pages are smaller, so the buffer does not grow
/// while they are rendered.
const PAGE_CAPACITY: usize = 8 * 1024;

/// A page as a response; 500 when it can't be rendered.
pub fn html(status: StatusCode, page: &impl Template) -> HttpResponse {
    let mut body = String::with_capacity(PAGE_CAPACITY);
    match page.render_into(&mut body) {
        Ok(()) => HttpResponse::build(status).insert_header(ContentType::html()).body(body),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// A page with status 200, or 422 when the form on it has errors.
pub fn form_page(page: &impl Template, errors: &FieldErrors) -> HttpResponse {
    html(if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, page)
}
