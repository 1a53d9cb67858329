//! What pages share: the layout, forms and their errors, lists, times, notices, charts.

pub mod assets;
pub mod chart;
pub mod flash;
mod form;
mod list;
mod moment;

use actix_web::{HttpResponse, http::StatusCode, http::header::ContentType};
use askama::Template;

pub use flash::{Flash, see_other};
pub use form::{FieldErrors, Form, FormFields, checkbox, lines};
pub use list::{Chip, ListAddress};
pub use moment::Moment;

/// Larger than most pages, in bytes, so that the text of one doesn't move while it is written.
const PAGE_CAPACITY: usize = 8 * 1024;

/// A page as a response.
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

/// A number with grouped thousands: "1,204".
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1204, "1,204"), (1_000_000, "1,000,000"), (-1500, "-1,500")]
        {
            assert_eq!(super::grouped(number), text);
        }
    }
}
