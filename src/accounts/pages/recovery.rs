//! `/password/reset`: choosing a password with a one-time link, as somebody invited or who forgot theirs.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::forms::{ResetForm, check_new_password};
use crate::{
    accounts::{password_links, setup::TokenQuery},
    app::Site,
    error::Error,
    layout::Layout,
    security::Client,
    users::{
        User,
        tokens::{self, Purpose},
    },
    web::{FieldErrors, Flash, Form, form_page, html, see_other},
};

#[derive(Template)]
#[template(path = "accounts/reset.html")]
struct ResetPage {
    layout: Layout,
    errors: FieldErrors,
    token: String,
    email: String,
    invited: bool,
    min_length: usize,
}

/// The link does not work (any more).
#[derive(Template)]
#[template(path = "accounts/reset_over.html")]
struct OverPage {
    layout: Layout,
}

impl ResetPage {
    fn new(site: &Site, layout: Layout, token: String, owner: (User, Purpose), errors: FieldErrors) -> Self {
        let (user, purpose) = owner;
        let min_length = site.config.accounts.password_min_length;
        Self { layout, errors, token, email: user.email, invited: purpose == Purpose::Invite, min_length }
    }
}

async fn owner(site: &Site, token: &str) -> Result<Option<(User, Purpose)>, Error> {
    let token = token.to_owned();
    site.db.run(move |conn| tokens::owner(conn, &token)).await
}

/// `GET /password/reset?token=`: uses nothing up, since mail scanners open links.
pub async fn show(
    site: web::Data<Site>,
    layout: Layout,
    query: web::Query<TokenQuery>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    Ok(match owner(&site, &token).await? {
        Some(owner) => {
            html(StatusCode::OK, &ResetPage::new(&site, layout, token, owner, FieldErrors::default()))
        }
        None => html(StatusCode::NOT_FOUND, &OverPage { layout }),
    })
}

/// `POST /password/reset`: sets the password, ends all sessions and signs nobody in.
pub async fn submit(
    site: web::Data<Site>,
    layout: Layout,
    client: Client,
    form: Form<ResetForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let Some(owner) = owner(&site, &values.token).await? else {
        return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &OverPage { layout }));
    };
    check_new_password(
        &mut errors,
        &values.password,
        &values.password_confirmation,
        site.config.accounts.password_min_length,
        &[&owner.0.name, &owner.0.email],
    );
    if !errors.is_empty() {
        let page = ResetPage::new(&site, layout, values.token, owner, errors.clone());
        return Ok(form_page(&page, &errors));
    }
    let hash = site.passwords.hash(values.password).await?;
    match password_links::choose_password(&site.db, &site.sessions, values.token, hash, client).await? {
        Some(ends) => Ok(see_other(&site.config, "/login", Some(Flash::PasswordSet(ends)))),
        None => Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &OverPage { layout })),
    }
}
