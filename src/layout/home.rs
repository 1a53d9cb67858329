//! `GET /`, the public front page, and `GET /members`, its counterpart for people who are signed in.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::page_layout::Layout;
use crate::{config::Config, web::html};

#[derive(Template)]
#[template(path = "layout/home.html")]
struct HomePage {
    layout: Layout,
}

#[derive(Template)]
#[template(path = "layout/members.html")]
struct MembersPage {
    layout: Layout,
    /// Whether the operator has pages of their own.
    has_pages: bool,
}

/// `GET /`: the front page.
pub async fn show(layout: Layout) -> HttpResponse {
    html(StatusCode::OK, &HomePage { layout })
}

/// `GET /members`: a small page that needs a login, as an example.
pub async fn members(config: Data<Config>, layout: Layout) -> HttpResponse {
    html(StatusCode::OK, &MembersPage { layout, has_pages: config.server.pages_dir.is_some() })
}
