//! Rendering templates into responses.

use std::{any::Any, time::Duration};

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{ContentType, HeaderValue, RETRY_AFTER},
    },
};
use askama::Template;

use super::form::FieldErrors;

/// Initial capacity of a page's buffer, in bytes. Most pages are smaller, so the buffer does not grow
/// while they are rendered.
const PAGE_CAPACITY: usize = 16 * 1024;

/// The value, true or false, by which `layout/base.html` knows that the page comes back because of a mistake in its form: then
/// its title begins with "Error:", which screen readers read first.
const MISTAKE: &str = "mistake";

/// A page as a response; 500 when it can't be rendered.
pub fn html(status: StatusCode, page: &impl Template) -> HttpResponse {
    let mut body = String::with_capacity(PAGE_CAPACITY);
    let mistake = matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::TOO_MANY_REQUESTS
    );
    match page.render_into_with_values(&mut body, &(MISTAKE, &mistake as &dyn Any)) {
        Ok(()) => HttpResponse::build(status).insert_header(ContentType::html()).body(body),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// A page whose form may be sent again only after a while: 429.
pub fn form_page_later(page: &impl Template, wait: Duration) -> HttpResponse {
    let mut response = html(StatusCode::TOO_MANY_REQUESTS, page);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    response
}

/// A page with status 200, or 422 when the form on it has errors.
pub fn form_page(page: &impl Template, errors: &FieldErrors) -> HttpResponse {
    html(if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, page)
}
