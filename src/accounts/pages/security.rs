//! `/security`: how whoever is signed in signs in, and their second factor.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use qrcode::{QrCode, render::svg};

use super::{
    confirm,
    forms::CodeForm,
    onwards::{NextQuery, with_next},
};
use crate::{
    accounts::service::Accounts,
    config::Config,
    error::Error,
    layout::{Flash, Layout, Left, SecondFactorFlash, see_other},
    security::{Client, next_page},
    sessions::CurrentUser,
    users::passkeys::ListedPasskey,
    web::{FieldErrors, Form, Moment, Query, form_page, html},
};

/// The name in authenticator apps of a site that has neither a name nor a host.
const NAMELESS: &str = "localhost";

/// From so many recovery codes on, the page asks to make new ones.
const FEW_CODES: i64 = 3;

#[derive(Template)]
#[template(path = "accounts/security.html")]
pub(super) struct SecurityPage {
    layout: Layout,
    policy: Policy,
    /// Where to go on; empty: nowhere.
    next: String,
    /// `/security/totp` with it.
    authenticator_href: String,
    /// `/security/passkeys` with it.
    passkey_href: String,
    passkeys: Vec<PasskeyRow>,
    /// Whether there can be any: the site has a name.
    has_passkeys: bool,
    /// Of the other passkeys.
    no_error: Option<&'static str>,
    errors: FieldErrors,
    password_since: Option<Moment>,
    authenticator_since: Option<Moment>,
    codes_left: i64,
    few_codes: bool,
    trusted: Vec<Trusted>,
}

/// What the site requires of the user.
#[derive(Clone, Copy)]
struct Policy {
    /// Whether a second factor is required.
    is_required: bool,
    /// Whether it is because the user is an administrator.
    of_administrators: bool,
    /// Whether the user has to set one up before anything else.
    must_set_up: bool,
}

impl Policy {
    fn of(user: &CurrentUser, config: &Config) -> Self {
        Self {
            is_required: user.second_factor_required,
            of_administrators: !config.session.second_factor.is_required(false),
            must_set_up: user.must_set_up(),
        }
    }
}

/// The address of the page where a second factor is set up, which then leads on.
pub fn href(next: &str) -> String {
    with_next("/security", next)
}

/// The page where `next` leads; empty: to none.
pub(super) fn onwards(next: &str, config: &Config) -> String {
    next_page(next, &config.server).unwrap_or_default()
}

/// The path of `/security/totp`, which then leads on.
fn authenticator_href(next: &str) -> String {
    const PATH: &str = "/security/totp";
    if next.is_empty() { PATH.to_owned() } else { with_next(PATH, next) }
}

/// The path of `/security/passkeys`, which then leads on.
pub(super) fn passkey_href(next: &str) -> String {
    const PATH: &str = "/security/passkeys";
    if next.is_empty() { PATH.to_owned() } else { with_next(PATH, next) }
}

/// What the removal of a second factor leaves.
pub(super) fn left(user: &CurrentUser, was_last: bool) -> Left {
    match (was_last, user.second_factor_required) {
        (false, _) => Left::Another,
        (true, false) => Left::Nothing,
        (true, true) => Left::NothingRequired,
    }
}

/// A passkey as its user sees it.
struct PasskeyRow {
    id: i64,
    name: String,
    /// Whether a new name for it has mistakes.
    renaming: bool,
    /// The host that it is for, if it is another one than this.
    other_host: Option<String>,
    since: Moment,
    last_used: Option<Moment>,
    sign_count: i64,
    is_synced: bool,
    backed_up: bool,
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
        Ok(Self { layout, errors, picture, key, address, replaces, next })
    }
}

#[derive(Template)]
#[template(path = "accounts/recovery_codes.html")]
pub(super) struct RecoveryCodesPage {
    pub(super) layout: Layout,
    pub(super) codes: Vec<String>,
    /// What was just set up.
    pub(super) done: Option<&'static str>,
    /// Where to go on.
    pub(super) next: String,
}

/// A QR code as SVG that stands in a page.
fn picture(text: &str) -> Result<String, Error> {
    let code = QrCode::new(text.as_bytes()).map_err(Error::internal)?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    // The declaration of XML is for files.
    let svg = svg.split_once("?>").map_or(svg.as_str(), |(_, svg)| svg);
    Ok(svg.replacen("<svg ", "<svg role=\"img\" aria-label=\"QR code with the key\" ", 1))
}

impl PasskeyRow {
    fn new(passkey: ListedPasskey, host: Option<&str>) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name,
            renaming: false,
            other_host: Some(passkey.rp_id).filter(|own| host != Some(own.as_str())),
            since: Moment::new(passkey.created_at),
            last_used: passkey.last_used_at.map(Moment::new),
            sign_count: passkey.sign_count,
            is_synced: passkey.backup_eligible,
            backed_up: passkey.backed_up,
        }
    }
}

impl SecurityPage {
    pub(super) async fn load(
        config: &Config,
        accounts: &Accounts,
        layout: Layout,
        user: &CurrentUser,
        next: String,
    ) -> Result<Self, Error> {
        let (found, host) = (accounts.second_factors_of(user.id).await?, accounts.passkey_host());
        let trusted = found.trusted.into_iter().map(|browser| Trusted {
            device: browser.device,
            ip: browser.ip,
            since: Moment::new(browser.created_at),
            until: Moment::new(browser.expires_at),
        });
        Ok(Self {
            layout,
            policy: Policy::of(user, config),
            authenticator_href: authenticator_href(&next),
            passkey_href: passkey_href(&next),
            next,
            passkeys: found.passkeys.into_iter().map(|passkey| PasskeyRow::new(passkey, host)).collect(),
            has_passkeys: host.is_some(),
            no_error: None,
            errors: FieldErrors::default(),
            password_since: found.password_since.map(Moment::new),
            authenticator_since: found.authenticator_since.map(Moment::new),
            codes_left: found.codes_left,
            few_codes: found.codes_left <= FEW_CODES,
            trusted: trusted.collect(),
        })
    }

    /// The page after a new name for a passkey that was refused.
    pub(super) fn rename_refused(mut self, passkey: i64, errors: FieldErrors) -> HttpResponse {
        for row in &mut self.passkeys {
            row.renaming = row.id == passkey;
        }
        form_page(&Self { errors: errors.clone(), ..self }, &errors)
    }
}

/// `GET /security`
///
/// # Errors
/// As [`Accounts::second_factors_of`].
pub async fn show(
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    query: Query<NextQuery>,
) -> Result<HttpResponse, Error> {
    let next = onwards(&query.into_inner().next, &config);
    Ok(html(StatusCode::OK, &SecurityPage::load(&config, &accounts, layout, &user, next).await?))
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
    let next = onwards(&query.into_inner().next, &config);
    if !user.session.is_confirmed(accounts.rules().confirm_ttl) {
        return confirm::ask_first(&req, &authenticator_href(&next));
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
    let next = onwards(&values.next, &config);
    if errors.is_empty() {
        if let Some(codes) = accounts.add_authenticator(&req, &user, &values.code, client).await? {
            let next = if next.is_empty() { "/security".to_owned() } else { next };
            if codes.is_empty() {
                return Ok(see_other(&next, Flash::SecondFactor(SecondFactorFlash::AuthenticatorAdded)));
            }
            let done = Some(
                "The authenticator app is set up. From now on you are asked for its code after your password.",
            );
            return Ok(html(StatusCode::OK, &RecoveryCodesPage { layout, codes, done, next }));
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
        Some(codes) => {
            let next = "/security".to_owned();
            html(StatusCode::OK, &RecoveryCodesPage { layout, codes, done: None, next })
        }
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
