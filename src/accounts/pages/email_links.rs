//! The pages behind links about addresses, `/email/confirm` and `/email/undo`, and the one that says to look for such a link. GET
//! changes nothing, since programs that scan mail open links; the button of the page does.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    forms::{TokenForm, TokenQuery},
    invalid_link::InvalidLink,
    signed_out::signed_out,
};
use crate::{
    accounts::{email_links::EmailConfirmed, service::Accounts},
    error::Error,
    layout::{EmailFlash, Flash, Layout, see_other},
    security::Client,
    sessions::CurrentUser,
    users::{address_tokens::AddressPurpose, tokens},
    web::{Form, Query, html},
};

#[derive(Template)]
#[template(path = "accounts/email_confirm.html")]
struct ConfirmPage {
    layout: Layout,
    token: String,
    /// The address that is confirmed.
    email: String,
    /// The one that it takes the place of, if it does.
    former: Option<String>,
}

#[derive(Template)]
#[template(path = "accounts/email_undo.html")]
struct UndoPage {
    layout: Layout,
    token: String,
    /// The address that is given back.
    email: String,
    name: String,
}

/// The page for a link that proves an address which another account has by now.
#[derive(Template)]
#[template(path = "accounts/email_taken.html")]
struct TakenPage {
    layout: Layout,
}

#[derive(Template)]
#[template(path = "accounts/check_mail.html")]
struct CheckMailPage {
    layout: Layout,
}

/// `GET /email/sent`: where a registration ends if the address has to be confirmed first, and a sign-in before that.
pub async fn sent(layout: Layout) -> HttpResponse {
    html(StatusCode::OK, &CheckMailPage { layout })
}

/// `GET /email/confirm?token=`
///
/// # Errors
/// As [`Accounts::address_link`].
pub async fn show_confirmation(
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    let Some(link) = accounts.address_link(&token, AddressPurpose::Confirm, &client).await? else {
        return Ok(InvalidLink::Confirm.page(layout));
    };
    let former = link.changes_address().then(|| link.user.email.clone());
    let page = ConfirmPage { layout, token, email: link.address.shown, former };
    Ok(html(StatusCode::OK, &page))
}

/// `POST /email/confirm`
///
/// # Errors
/// As [`Accounts::confirm_email`].
pub async fn confirm(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    form: Form<TokenForm>,
) -> Result<HttpResponse, Error> {
    let (user, flash) = match accounts.confirm_email(form.values.token, client).await? {
        EmailConfirmed::Confirmed(user) => (user, Flash::Email(EmailFlash::Confirmed)),
        EmailConfirmed::Changed(user, epoch) => {
            if is_signed_in(&req, user).await {
                accounts.throttle().remember_browser(&req, user, epoch)?;
            }
            (user, Flash::Email(EmailFlash::Changed))
        }
        EmailConfirmed::Taken => {
            return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &TakenPage { layout }));
        }
        EmailConfirmed::Invalid => {
            return Ok(InvalidLink::Confirm.form_page(layout));
        }
    };
    let next = if is_signed_in(&req, user).await { "/profile" } else { "/login" };
    Ok(see_other(next, flash))
}

/// `GET /email/undo?token=`
///
/// # Errors
/// As [`Accounts::address_link`].
pub async fn show_undo(
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    let Some(link) = accounts.address_link(&token, AddressPurpose::Undo, &client).await? else {
        return Ok(InvalidLink::Undo.page(layout));
    };
    let page = UndoPage { layout, token, email: link.address.shown, name: link.user.name };
    Ok(html(StatusCode::OK, &page))
}

/// `POST /email/undo`: gives the address back and leads to the page on which a password is chosen.
///
/// # Errors
/// As [`Accounts::undo_email_change`].
pub async fn undo(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    form: Form<TokenForm>,
) -> Result<HttpResponse, Error> {
    let Some(given_back) = accounts.undo_email_change(form.values.token, client).await? else {
        return Ok(InvalidLink::Undo.form_page(layout));
    };
    let (next, flash) =
        (tokens::path(&given_back.token), Flash::Email(EmailFlash::GivenBack(given_back.ended)));
    if is_signed_in(&req, given_back.user).await {
        return Ok(signed_out(&req, &next, flash));
    }
    Ok(see_other(&next, flash))
}

/// Whether the request is one of this user, who may have been signed out by it.
async fn is_signed_in(req: &HttpRequest, user: i64) -> bool {
    matches!(CurrentUser::find(req).await, Ok(Some(current)) if current.id == user)
}
