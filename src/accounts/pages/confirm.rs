//! `/confirm-password`: the password once more before a sensitive action, so that a session left open or stolen is
//! not enough for it (ASVS 7.5.3).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    forms::ConfirmForm,
    login::{NextQuery, next_or_profile},
};
use crate::{
    app::Site,
    error::Error,
    events::{Event, Kind},
    layout::{Layout, error_pages::wants_json},
    security::Client,
    sessions::{CurrentUser, catalogue::rows},
    users::{User, password::Verdict},
    web::{FieldErrors, Flash, Form, form_page, html, see_other},
};

#[derive(Template)]
#[template(path = "accounts/confirm.html")]
struct ConfirmPage {
    layout: Layout,
    errors: FieldErrors,
    email: String,
    next: String,
}

/// Where somebody is sent whose password was last given too long ago; `None`: go on. `back` is the page from which
/// the action can be repeated.
pub fn first(req: &HttpRequest, site: &Site, user: &CurrentUser, back: &str) -> Option<HttpResponse> {
    if user.session.is_confirmed(site.config.accounts.confirm_ttl) {
        return None;
    }
    if wants_json(req) {
        return Some(HttpResponse::from_error(Error::Forbidden(
            "Give the password again first, at /confirm-password.",
        )));
    }
    Some(see_other(&site.config, &href(back), Some(Flash::ConfirmFirst)))
}

/// The address of this page with the way back.
pub fn href(back: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", back).finish();
    format!("/confirm-password?{query}")
}

/// `GET /confirm-password`
pub async fn show(layout: Layout, user: CurrentUser, query: web::Query<NextQuery>) -> HttpResponse {
    let next = next_or_profile(&query.into_inner().next);
    let email = user.email.clone();
    html(StatusCode::OK, &ConfirmPage { layout, errors: FieldErrors::default(), email, next })
}

/// `POST /confirm-password`: the session gets a new key, as at a sign-in.
pub async fn submit(
    req: HttpRequest,
    site: web::Data<Site>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<ConfirmForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let next = next_or_profile(&values.next);
    if errors.is_empty() {
        let id = user.id;
        let hash = site.db.run(move |conn| Ok(User::by_id(conn, id)?.password_hash)).await?;
        let right = site.passwords.verify(values.password, Some(hash.clone())).await? != Verdict::Wrong;
        if !right {
            errors.add("password", "That is not your password.");
        }
        let session = user.session.id.clone();
        let recorded = site.db.transaction(move |conn| {
            // What was proven must still be so: neither has the session ended nor the password changed.
            let same = User::by_id(conn, id)?.password_hash == hash;
            if !same || !rows::is_live(conn, &session)? {
                return Err(Error::SignInFirst);
            }
            let kind = if right { Kind::Confirmed } else { Kind::ConfirmationFailed };
            Event::new(kind, Some(id)).session(&session).from(Some(&client)).write(conn)
        });
        recorded.await?;
    }
    if !errors.is_empty() {
        let page = ConfirmPage { layout, errors: errors.clone(), email: user.email.clone(), next };
        return Ok(form_page(&page, &errors));
    }
    site.sessions.note_confirmation(&req)?;
    Ok(see_other(&site.config, &next, Some(Flash::Confirmed)))
}
