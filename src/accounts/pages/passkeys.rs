//! `/security/passkeys`: adding, renaming and removing passkeys.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    confirm,
    factor_answers::{PASSKEYS, factor_added, left},
    forms::{NameForm, PasskeyForm},
    onwards::{NextQuery, next_or_none, with_next},
    security::SecurityPage,
};
use crate::{
    accounts::{passkeys::NewPasskey, service::Accounts},
    config::Config,
    error::{Error, PasskeyRefusal},
    layout::{Flash, Layout, SecondFactorFlash, see_other},
    security::Client,
    sessions::{CurrentUser, catalogue::device::describe_user_agent},
    users::{ceremonies::Answer, passkeys::MOST},
    web::{FieldErrors, Form, Query, form_page, html},
};

#[derive(Template)]
#[template(path = "accounts/passkey.html")]
struct PasskeyPage {
    layout: Layout,
    errors: FieldErrors,
    name: String,
    /// Whether there is no second factor yet.
    is_first: bool,
    /// Where to go on afterwards; empty: to `/security`.
    next: String,
}

/// `GET /security/passkeys`: offers to add one, once the password was given recently.
///
/// # Errors
/// [`Error::NotFound`] when there are no passkeys here; also as [`confirm::ask_first`].
pub async fn offer(
    req: HttpRequest,
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    query: Query<NextQuery>,
) -> Result<HttpResponse, Error> {
    accounts.passkey_host().ok_or(Error::NotFound)?;
    let next = next_or_none(&query.into_inner().next, &config.server);
    if !user.session.is_confirmed(accounts.rules().confirm_ttl) {
        return confirm::ask_first(&req, &with_next(PASSKEYS, &next));
    }
    let name = describe_user_agent(&client.user_agent);
    Ok(html(
        StatusCode::OK,
        &PasskeyPage { layout, errors: FieldErrors::default(), name, is_first: !user.second_factor, next },
    ))
}

/// `POST /security/passkeys`
///
/// # Errors
/// As [`Accounts::add_passkey`].
pub async fn add(
    req: HttpRequest,
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<PasskeyForm>,
) -> Result<HttpResponse, Error> {
    let Form { values: PasskeyForm { name, passkey, next }, mut errors } = form;
    let next = next_or_none(&next, &config.server);
    if errors.is_empty() && passkey.is_empty() {
        errors.add_form("A passkey is made by the browser, with a script that did not run. Turn scripts on for this site.");
    }
    if errors.is_empty() {
        let answer = Answer::read(&passkey);
        match accounts.add_passkey(&req, &user, &name, answer.as_ref(), client).await? {
            NewPasskey::Added(added) => {
                let done = "The passkey was added. From now on your password alone is not enough to sign in.";
                return Ok(factor_added(layout, added, done, SecondFactorFlash::PasskeyAdded, next));
            }
            NewPasskey::Wrong => errors.add_form(PasskeyRefusal::Wrong.text()),
            NewPasskey::TooMany => {
                errors.add_form(format!(
                    "You have {MOST} passkeys, which is as many as there may be. Remove one first."
                ));
            }
        }
    }
    Ok(form_page(
        &PasskeyPage { layout, errors: errors.clone(), name, is_first: !user.second_factor, next },
        &errors,
    ))
}

/// `POST /security/passkeys/{id}/rename`
///
/// # Errors
/// [`Error::NotFound`] when the user has no such passkey; also as [`Accounts::rename_passkey`].
pub async fn rename(
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    id: web::Path<i64>,
    form: Form<NameForm>,
) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        let page = SecurityPage::load(&config, &accounts, layout, &user, String::new()).await?;
        return Ok(page.rename_refused(*id, form.errors));
    }
    match accounts.rename_passkey(&user, *id, &form.values.name, &client).await? {
        true => Ok(see_other("/security", Flash::SecondFactor(SecondFactorFlash::PasskeyRenamed))),
        false => Err(Error::NotFound),
    }
}

/// `POST /security/passkeys/{id}/remove`
///
/// # Errors
/// As [`Accounts::remove_passkey`].
pub async fn remove(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
    id: web::Path<i64>,
) -> Result<HttpResponse, Error> {
    let removed = accounts.remove_passkey(&req, &user, *id, client).await?;
    let flash = |is_last| Flash::SecondFactor(SecondFactorFlash::PasskeyRemoved(left(&user, is_last)));
    Ok(see_other("/security", removed.map_or(Flash::Unchanged, flash)))
}
