//! `/security`: how whoever is signed in signs in, and their second factor.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    factor_answers::{AUTHENTICATOR, PASSKEYS},
    onwards::{NextQuery, next_or_none, with_next},
};
use crate::{
    accounts::service::Accounts,
    config::Config,
    error::Error,
    layout::{Flash, Layout, SecondFactorFlash, see_other},
    security::Client,
    sessions::CurrentUser,
    users::passkeys::ListedPasskey,
    web::{FieldErrors, Moment, Query, form_page, html},
};

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
            authenticator_href: with_next(AUTHENTICATOR, &next),
            passkey_href: with_next(PASSKEYS, &next),
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
    let next = next_or_none(&query.into_inner().next, &config.server);
    Ok(html(StatusCode::OK, &SecurityPage::load(&config, &accounts, layout, &user, next).await?))
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
