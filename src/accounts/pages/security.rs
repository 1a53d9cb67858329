//! `/security`: how whoever is signed in signs in, and their second factor.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use qrcode::{QrCode, render::svg};

use super::{confirm, forms::CodeForm};
use crate::{
    accounts::service::Accounts,
    config::Config,
    error::Error,
    layout::{Flash, Layout, SecondFactorFlash, see_other},
    security::Client,
    sessions::CurrentUser,
    web::{FieldErrors, Form, Moment, form_page, html},
};

/// The name of the site in authenticator apps is its host.
const NAMELESS: &str = "localhost";

/// From so many recovery codes on, the page asks to make new ones.
const FEW_CODES: i64 = 3;

#[derive(Template)]
#[template(path = "accounts/security.html")]
struct SecurityPage {
    layout: Layout,
    password_since: Option<Moment>,
    authenticator_since: Option<Moment>,
    codes_left: i64,
    few_codes: bool,
    trusted: Vec<Trusted>,
}

/// A browser that is not asked for a second factor.
struct Trusted {
    device: String,
    ip: String,
    since: Moment,
    until: Moment,
}

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
}

impl AuthenticatorPage {
    fn new(
        config: &Config,
        accounts: &Accounts,
        layout: Layout,
        user: &CurrentUser,
        errors: FieldErrors,
    ) -> Result<Self, Error> {
        let key = accounts.offered_key(user);
        let address = key.address(config.server.base_url.host_str().unwrap_or(NAMELESS), &user.email);
        let (picture, key) = (picture(&address)?, key.as_text());
        Ok(Self { layout, errors, picture, key, address, replaces: user.second_factor })
    }
}

#[derive(Template)]
#[template(path = "accounts/recovery_codes.html")]
struct RecoveryCodesPage {
    layout: Layout,
    codes: Vec<String>,
    /// Whether an authenticator app was just set up.
    is_set_up: bool,
}

/// A QR code as SVG that stands in a page.
fn picture(text: &str) -> Result<String, Error> {
    let code = QrCode::new(text.as_bytes()).map_err(Error::internal)?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    // The declaration of XML is for files.
    let svg = svg.split_once("?>").map_or(svg.as_str(), |(_, svg)| svg);
    Ok(svg.replacen("<svg ", "<svg role=\"img\" aria-label=\"QR code with the key\" ", 1))
}

/// `GET /security`
///
/// # Errors
/// As [`Accounts::second_factors_of`].
pub async fn show(
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
) -> Result<HttpResponse, Error> {
    let found = accounts.second_factors_of(user.id).await?;
    let trusted = found.trusted.into_iter().map(|browser| Trusted {
        device: browser.device,
        ip: browser.ip,
        since: Moment::new(browser.created_at),
        until: Moment::new(browser.expires_at),
    });
    let page = SecurityPage {
        layout,
        password_since: found.password_since.map(Moment::new),
        authenticator_since: found.authenticator_since.map(Moment::new),
        codes_left: found.codes_left,
        few_codes: found.codes_left <= FEW_CODES,
        trusted: trusted.collect(),
    };
    Ok(html(StatusCode::OK, &page))
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
) -> Result<HttpResponse, Error> {
    if !user.session.is_confirmed(accounts.rules().confirm_ttl) {
        return confirm::ask_first(&req, "/security/totp");
    }
    let page = AuthenticatorPage::new(&config, &accounts, layout, &user, FieldErrors::default())?;
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
    if errors.is_empty() {
        if let Some(codes) = accounts.add_authenticator(&req, &user, &values.code, client).await? {
            return Ok(html(StatusCode::OK, &RecoveryCodesPage { layout, codes, is_set_up: true }));
        }
        errors.add("code", "That is not the code of this key. Is the clock of your device right?");
    }
    let page = AuthenticatorPage::new(&config, &accounts, layout, &user, errors.clone())?;
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
    let flash = Flash::SecondFactor(SecondFactorFlash::AuthenticatorRemoved);
    Ok(see_other("/security", if removed { flash } else { Flash::Unchanged }))
}

/// `POST /security/recovery-codes`: makes new ones and shows them; no other page does.
///
/// # Errors
/// As [`Accounts::make_recovery_codes`].
pub async fn make_recovery_codes(
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    Ok(match accounts.make_recovery_codes(&user, &client).await? {
        Some(codes) => html(StatusCode::OK, &RecoveryCodesPage { layout, codes, is_set_up: false }),
        None => see_other("/security", Flash::Unchanged),
    })
}

/// `POST /security/trusted/forget`
///
/// # Errors
/// As [`Accounts::forget_trusted_browsers`].
pub async fn forget_trusted_browsers(
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    accounts.forget_trusted_browsers(&user, &client).await?;
    Ok(see_other("/security", Flash::SecondFactor(SecondFactorFlash::TrustedForgotten)))
}
