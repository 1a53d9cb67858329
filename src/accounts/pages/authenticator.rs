//! `/security/totp`: setting an authenticator app up, and removing it.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use qrcode::{QrCode, render::svg};

use super::{
    confirm,
    factor_answers::{AUTHENTICATOR, factor_added, left},
    forms::CodeForm,
    onwards::{NextQuery, next_or_none, with_next},
};
use crate::{
    accounts::service::Accounts,
    config::Config,
    error::Error,
    layout::{Flash, Layout, SecondFactorFlash, see_other},
    security::Client,
    sessions::CurrentUser,
    web::{FieldErrors, Form, Query, form_page, html},
};

/// The name in authenticator apps of a site that has neither a name nor a host.
const NAMELESS: &str = "localhost";

#[derive(Template)]
#[template(path = "accounts/authenticator.html")]
struct AuthenticatorPage {
    layout: Layout,
    errors: FieldErrors,
    /// The QR code as SVG.
    picture: String,
    key: String,
    address: String,
    replaces: bool,
    /// Whether there is no second factor yet.
    is_first: bool,
    /// Where to go on afterwards; empty: to `/security`.
    next: String,
}

impl AuthenticatorPage {
    fn new(
        config: &Config,
        accounts: &Accounts,
        layout: Layout,
        (user, replaces): (&CurrentUser, bool),
        (errors, next): (FieldErrors, String),
    ) -> Result<Self, Error> {
        let key = accounts.offered_key(user);
        let host = config.server.base_url.host_str().unwrap_or(NAMELESS);
        // A colon would end the name (the format of Google's Authenticator).
        let address = key.address(&config.site.name_or(host).replace(':', ""), &user.email);
        let (picture, key) = (picture(&address)?, key.as_text());
        Ok(Self { layout, errors, picture, key, address, replaces, is_first: !user.second_factor, next })
    }
}

/// A QR code as SVG that stands in a page.
fn picture(text: &str) -> Result<String, Error> {
    let code = QrCode::new(text.as_bytes()).map_err(Error::internal)?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    // The declaration of XML is for files.
    let svg = svg.split_once("?>").map_or(svg.as_str(), |(_, svg)| svg);
    Ok(svg.replacen("<svg ", "<svg role=\"img\" aria-label=\"QR code with the key\" ", 1))
}

/// `GET /security/totp`: offers a key for an authenticator app. It is shown only once the password was given recently.
///
/// # Errors
/// As [`confirm::ask_first`].
pub async fn offer_authenticator(
    req: HttpRequest,
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    query: Query<NextQuery>,
) -> Result<HttpResponse, Error> {
    let next = next_or_none(&query.into_inner().next, &config.server);
    if !user.session.is_confirmed(accounts.rules().confirm_ttl) {
        return confirm::ask_first(&req, &with_next(AUTHENTICATOR, &next));
    }
    let replaces = accounts.factors_of(user.id).await?.authenticator;
    let said = (FieldErrors::default(), next);
    let page = AuthenticatorPage::new(&config, &accounts, layout, (&user, replaces), said)?;
    Ok(html(StatusCode::OK, &page))
}

/// `POST /security/totp`: the app has the key, as its code shows.
///
/// # Errors
/// As [`Accounts::add_authenticator`].
pub async fn add_authenticator(
    req: HttpRequest,
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<CodeForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let next = next_or_none(&values.next, &config.server);
    if errors.is_empty() {
        if let Some(added) = accounts.add_authenticator(&req, &user, &values.code, client).await? {
            let done = "The authenticator app is set up. From now on you are asked for its code after your password.";
            return Ok(factor_added(layout, added, done, SecondFactorFlash::AuthenticatorAdded, next));
        }
        errors.add("code", "That is not the code of this key. Is the clock of your device right?");
    }
    let replaces = accounts.factors_of(user.id).await?.authenticator;
    let page = AuthenticatorPage::new(&config, &accounts, layout, (&user, replaces), (errors.clone(), next))?;
    Ok(form_page(&page, &errors))
}

/// `POST /security/totp/remove`
///
/// # Errors
/// As [`Accounts::remove_authenticator`].
pub async fn remove_authenticator(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    let removed = accounts.remove_authenticator(&req, &user, client).await?;
    let flash = |is_last| Flash::SecondFactor(SecondFactorFlash::AuthenticatorRemoved(left(&user, is_last)));
    Ok(see_other("/security", removed.map_or(Flash::Unchanged, flash)))
}
