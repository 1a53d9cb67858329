//! `/confirm-password`: asks for the password again before a sensitive action, so that an unattended or stolen session does not
//! suffice for it (ASVS 7.5.3).

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    forms::ConfirmForm,
    onwards::{NextQuery, next_or_profile, with_next},
    sensitive_action::Description,
};
use crate::{
    accounts::{password_again::Proof, service::Accounts},
    config::Config,
    error::Error,
    layout::{Flash, Layout, see_other},
    security::Client,
    sessions::CurrentUser,
    users::{ceremonies::Answer, factors::Factors},
    web::{CONFIRM_PASSWORD, FieldErrors, Form, Query, SentForm, accept::wants_json, form_page, html},
};

#[derive(Template)]
#[template(path = "accounts/confirm.html")]
struct ConfirmPage {
    layout: Layout,
    errors: FieldErrors,
    email: String,
    /// Where the form is sent.
    action: String,
    /// The field with the password.
    field: &'static str,
    /// Whether a code is needed too.
    needs_code: bool,
    /// What can be shown in place of both, or as a code.
    factors: Factors,
    /// Name and value of what else the form sends.
    fields: Vec<(String, String)>,
    back: String,
    /// What is carried out once the password was given; `None`: nothing, the page is by itself.
    carried: Option<Description>,
}

impl ConfirmPage {
    /// The page by itself, which leads to `next` afterwards.
    fn alone(
        layout: Layout,
        (accounts, user, factors): (&Accounts, &CurrentUser, Factors),
        next: String,
        errors: FieldErrors,
    ) -> Self {
        Self {
            layout,
            errors,
            email: user.email.clone(),
            action: "/confirm-password".to_owned(),
            field: "password",
            needs_code: accounts.needs_code(user),
            factors,
            fields: vec![("next".to_owned(), next.clone())],
            back: next,
            carried: None,
        }
    }
}

/// The response to a form that needs the password, when that was given neither recently (`CONFIRM_PASSWORD_TTL`) nor along with it:
/// a page that asks for it and sends the form again (403, or 422 after a mistake). `None`: the action may be carried out. `back` is
/// the page that has the form; `describe`, which is given its fields, says on the page what is about to be done.
///
/// # Errors
/// [`Error::Forbidden`] for a client that wants JSON; also as [`Accounts::confirm_password`] and those of `describe`.
pub async fn required(
    req: &HttpRequest,
    accounts: &Accounts,
    user: &CurrentUser,
    layout_and_client: (Layout, Client),
    back: String,
    describe: impl AsyncFnOnce(&[(String, String)]) -> Result<Description, Error>,
) -> Result<Option<HttpResponse>, Error> {
    if user.session.is_confirmed(accounts.rules().confirm_ttl) {
        return Ok(None);
    }
    let (layout, client) = layout_and_client;
    let sent = req.extensions().get::<SentForm>().cloned().unwrap_or_default();
    let fields = sent.fields()?;
    let passkey = sent.confirm_passkey.filter(|sent| !sent.is_empty());
    let mut errors = FieldErrors::default();
    if passkey.is_some() || sent.confirm_password.is_some() {
        let password = (CONFIRM_PASSWORD, sent.confirm_password.unwrap_or_default());
        match confirm(req, accounts, user, passkey, password, client).await? {
            None => return Ok(None),
            Some(wrong) => errors = wrong,
        }
    }
    if wants_json(req) {
        return Err(Error::Forbidden(
            "Give the password again first, at /confirm-password, or with this form as confirm_password.",
        ));
    }
    let carried = Some(describe(&fields).await?);
    let status = if errors.is_empty() { StatusCode::FORBIDDEN } else { StatusCode::UNPROCESSABLE_ENTITY };
    let action = req.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let email = user.email.clone();
    let needs_code = accounts.needs_code(user);
    let factors = accounts.factors_of(user.id).await?;
    let page = ConfirmPage {
        layout,
        errors,
        email,
        action,
        field: CONFIRM_PASSWORD,
        needs_code,
        factors,
        fields,
        back,
        carried,
    };
    Ok(Some(html(status, &page)))
}

/// Checks whoever is signed in again: by what a passkey says, else by the password in this field. Returns what is wrong; `None`: nothing.
async fn confirm(
    req: &HttpRequest,
    accounts: &Accounts,
    user: &CurrentUser,
    passkey: Option<String>,
    (field, password): (&'static str, String),
    client: Client,
) -> Result<Option<FieldErrors>, Error> {
    let mut errors = FieldErrors::default();
    if let Some(sent) = passkey {
        let answer = Answer::read(&sent);
        if let Err(refusal) = accounts.confirm_with_passkey(req, user, answer.as_ref(), client).await? {
            errors.add_form(refusal.text());
        }
    } else if password.is_empty() {
        errors.add(field, "Enter your password.");
    } else {
        let proof = Proof { password, code: sent_code(req) };
        if !accounts.confirm_password(req, user, proof, client).await? {
            errors.add(field, wrong_proof(accounts, user, "That is not your password."));
        }
    }
    Ok((!errors.is_empty()).then_some(errors))
}

/// The response to a request that needs the password to have been given recently and carries nothing: the page that asks for it and
/// leads to `next`.
///
/// # Errors
/// [`Error::Forbidden`] for a client that wants JSON.
pub fn ask_first(req: &HttpRequest, next: &str) -> Result<HttpResponse, Error> {
    if wants_json(req) {
        return Err(Error::Forbidden("Give the password again first, at /confirm-password."));
    }
    Ok(see_other(&with_next("/confirm-password", next), None))
}

/// The code that the form of a request brings beside the password; empty: none.
pub(super) fn sent_code(req: &HttpRequest) -> String {
    req.extensions().get::<SentForm>().and_then(|sent| sent.confirm_code.clone()).unwrap_or_default()
}

/// What is said of a proof that is wrong. Of two things it is not said which one it is.
pub(super) fn wrong_proof(accounts: &Accounts, user: &CurrentUser, password: &'static str) -> &'static str {
    if accounts.needs_code(user) {
        "Password or code is wrong, or the code was used before."
    } else {
        password
    }
}

/// `GET /confirm-password`
///
/// # Errors
/// As [`Accounts::factors_of`].
pub async fn show(
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    query: Query<NextQuery>,
) -> Result<HttpResponse, Error> {
    let next = next_or_profile(&query.into_inner().next, &config.server);
    let factors = accounts.factors_of(user.id).await?;
    let page = ConfirmPage::alone(layout, (&accounts, &user, factors), next, FieldErrors::default());
    Ok(html(StatusCode::OK, &page))
}

/// `POST /confirm-password`: confirms the password, or with a passkey, and rotates the session's key, as a sign-in does.
///
/// # Errors
/// As [`Accounts::confirm_password`] and [`Accounts::confirm_with_passkey`].
pub async fn submit(
    req: HttpRequest,
    config: web::Data<Config>,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<ConfirmForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let next = next_or_profile(&values.next, &config.server);
    if errors.is_empty() {
        let sent = req.extensions().get::<SentForm>().cloned().unwrap_or_default();
        let passkey = sent.confirm_passkey.filter(|sent| !sent.is_empty());
        let password = ("password", values.password);
        errors = confirm(&req, &accounts, &user, passkey, password, client).await?.unwrap_or_default();
    }
    if !errors.is_empty() {
        let factors = accounts.factors_of(user.id).await?;
        let page = ConfirmPage::alone(layout, (&accounts, &user, factors), next, errors.clone());
        return Ok(form_page(&page, &errors));
    }
    Ok(see_other(&next, Flash::Confirmed))
}
