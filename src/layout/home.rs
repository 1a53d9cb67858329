//! `GET /`: the public front page.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use super::page_layout::Layout;
use crate::web::html;

#[derive(Template)]
#[template(path = "layout/home.html")]
struct HomePage {
    layout: Layout,
}

/// `GET /`: the front page.
pub async fn show(layout: Layout) -> HttpResponse {
    html(StatusCode::OK, &HomePage { layout })
}
