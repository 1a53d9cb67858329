//! The page for a one-time link that is not valid, or no longer: it says what to do next.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{layout::Layout, web::html};

/// What the link was for.
#[derive(Debug, Clone, Copy)]
pub(super) enum InvalidLink {
    /// Choosing a password.
    Password,
    /// Confirming an address.
    Confirm,
    /// Giving an address back.
    Undo,
    /// Looking at a session that the user was told of.
    Notice,
}

#[derive(Template)]
#[template(path = "accounts/link_invalid.html")]
struct InvalidLinkPage {
    layout: Layout,
    link: InvalidLink,
}

impl InvalidLink {
    /// The answer to whoever opens it.
    pub(super) fn page(self, layout: Layout) -> HttpResponse {
        html(StatusCode::NOT_FOUND, &InvalidLinkPage { layout, link: self })
    }

    /// The answer to the form behind it.
    pub(super) fn form_page(self, layout: Layout) -> HttpResponse {
        html(StatusCode::UNPROCESSABLE_ENTITY, &InvalidLinkPage { layout, link: self })
    }
}
