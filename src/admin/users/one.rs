//! `/admin/users/{id}`: one user with their sessions and events, and the forms that change the account.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::StatusCode, web};
use askama::Template;

use super::list::{LinkPanel, UserRow};
use crate::{
    accounts::{
        Accounts, Actor, Change, Recorded, SecondFactors, pages::export::file, pages::signed_out::signed_out,
    },
    admin::{
        events::rows::{self, EventRow},
        forms::{EndSessionsForm, NoFields, RoleForm},
    },
    config::Config,
    db::Db,
    error::Error,
    layout::{Flash, Layout, SecondFactorFlash, SessionFacts, see_other},
    security::Client,
    sessions::{
        Administrator, Sessions,
        catalogue::filter::{Filter, ListQuery},
    },
    users::Role,
    web::{FieldErrors, Form, Moment, html},
};

/// The newest events that the page shows.
const MAX_EVENTS: i64 = 50;

const LAST_ADMINISTRATOR: &str =
    "This is the only active administrator. Make somebody else one first; nothing was changed.";

#[derive(Template)]
#[template(path = "admin/users/one.html")]
struct UserPage {
    layout: Layout,
    errors: FieldErrors,
    user: UserRow,
    role: String,
    end_form: FilledForm,
    deactivate_form: FilledForm,
    reset_form: FilledForm,
    second_factor: Option<SecondFactor>,
    sessions: Vec<SessionFacts>,
    more_sessions: bool,
    events: Vec<EventRow>,
    /// The addresses that the user can have back, and until when.
    former_addresses: Vec<(String, Moment)>,
    link: Option<LinkPanel>,
}

/// What the user has beside the password.
struct SecondFactor {
    authenticator_since: Option<Moment>,
    /// Name and host of each passkey, since when, and its last use.
    passkeys: Vec<(String, String, Moment, Option<Moment>)>,
    codes_left: i64,
}

impl SecondFactor {
    fn of(found: SecondFactors) -> Option<Self> {
        let passkeys: Vec<_> = found
            .passkeys
            .into_iter()
            .map(|key| {
                let last_used = key.last_used_at.map(Moment::new);
                (key.name, key.rp_id, Moment::new(key.created_at), last_used)
            })
            .collect();
        let authenticator_since = found.authenticator_since.map(Moment::new);
        let has_one = authenticator_since.is_some() || !passkeys.is_empty();
        has_one.then_some(Self { authenticator_since, passkeys, codes_left: found.codes_left })
    }
}

/// A form that signs the user out, as it was sent with mistakes.
#[derive(Default)]
struct FilledForm {
    values: EndSessionsForm,
    errors: FieldErrors,
}

/// A request about one user, with what every response to it needs.
pub struct UserRequest {
    accounts: web::Data<Accounts>,
    config: web::Data<Config>,
    db: web::Data<Db>,
    sessions: web::Data<Sessions>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    /// The user's id, as in the path.
    id: i64,
}

impl FromRequest for UserRequest {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = actix_web::Result<Self>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        type Shared = (web::Data<Accounts>, web::Data<Config>, web::Data<Db>, web::Data<Sessions>);
        type Parts = (Shared, Layout, Administrator, Client, web::Path<i64>);
        let parts = Parts::from_request(req, payload);
        Box::pin(async move {
            let ((accounts, config, db, sessions), layout, admin, client, id) = parts.await?;
            Ok(Self { accounts, config, db, sessions, layout, admin, client, id: id.into_inner() })
        })
    }
}

/// `GET /admin/users/{id}`
///
/// # Errors
/// [`Error::NotFound`] when there is no such user; [`Error::Unavailable`] when store or database can't be read.
pub async fn show(request: UserRequest) -> Result<HttpResponse, Error> {
    Ok(html(StatusCode::OK, &request.page().await?))
}

/// `POST /admin/users/{id}/role`
///
/// # Errors
/// As [`Accounts::set_role`], and as [`show`].
pub async fn change_role(request: UserRequest, form: Form<RoleForm>) -> Result<HttpResponse, Error> {
    let Form { values, errors } = form;
    let Some(role) = Role::parse(&values.role).filter(|_| errors.is_empty()) else {
        return request.refuse(errors).await;
    };
    let change = request.accounts.set_role(request.id, role, request.actor()).await?;
    let flash = if request.is_own() { Flash::OwnRoleChanged } else { Flash::RoleChanged };
    // An administrator who removes their own role has no access to this page any more.
    let loses_access = request.is_own() && role == Role::User;
    let path = if loses_access { "/profile".to_owned() } else { request.path() };
    request.respond(change, &path, flash).await
}

/// `POST /admin/users/{id}/deactivate`
///
/// # Errors
/// As [`Accounts::deactivate`], and as [`show`].
pub async fn deactivate(
    req: HttpRequest,
    request: UserRequest,
    form: Form<EndSessionsForm>,
) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        return request.refuse_remarks(form, |page| &mut page.deactivate_form).await;
    }
    let values = form.values;
    let change = request.accounts.deactivate(request.id, values.remarks(), request.actor()).await?;
    let flash = match change {
        Change::Done(ended) if request.is_own() => {
            return Ok(signed_out(&req, "/", Flash::Deactivated(ended)));
        }
        Change::Done(ended) => Flash::Deactivated(ended),
        Change::Unchanged | Change::LastAdministrator => Flash::Unchanged,
    };
    let path = request.path();
    request.respond(change, &path, flash).await
}

/// `POST /admin/users/{id}/activate`
///
/// # Errors
/// As [`Accounts::activate`], and as [`show`].
pub async fn activate(request: UserRequest, form: Form<NoFields>) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        return request.refuse(form.errors).await;
    }
    let change = request.accounts.activate(request.id, request.actor()).await?;
    let path = request.path();
    request.respond(change, &path, Flash::Activated).await
}

/// `POST /admin/users/{id}/end-sessions`: ends all sessions of the user; an administrator's own current session is kept.
///
/// # Errors
/// As [`Accounts::end_sessions_of`], and as [`show`].
pub async fn end_sessions(
    req: HttpRequest,
    request: UserRequest,
    form: Form<EndSessionsForm>,
) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        return request.refuse_remarks(form, |page| &mut page.end_form).await;
    }
    let values = form.values;
    let keep = request.is_own().then(|| request.admin.session.id.clone());
    let (epoch, ended) =
        request.accounts.end_sessions_of(request.id, keep, values.remarks(), request.actor()).await?;
    if request.is_own() {
        request.accounts.throttle().remember_browser(&req, request.id, epoch)?;
        request.sessions.adopt_epoch(&req, epoch)?;
    }
    Ok(see_other(&request.path(), Flash::AllEnded(ended)))
}

/// `POST /admin/users/{id}/reset-second-factor`: removes the second factor and ends all sessions of the user.
///
/// # Errors
/// As [`Accounts::reset_second_factor`], and as [`show`].
pub async fn reset_second_factor(
    req: HttpRequest,
    request: UserRequest,
    form: Form<EndSessionsForm>,
) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        return request.refuse_remarks(form, |page| &mut page.reset_form).await;
    }
    let values = form.values;
    let reset = request.accounts.reset_second_factor(request.id, values.remarks(), request.actor()).await?;
    Ok(match reset {
        None => see_other(&request.path(), Flash::Unchanged),
        Some(ended) if request.is_own() => {
            signed_out(&req, "/login", Flash::SecondFactor(SecondFactorFlash::Reset(ended)))
        }
        Some(ended) => see_other(&request.path(), Flash::SecondFactor(SecondFactorFlash::Reset(ended))),
    })
}

/// `POST /admin/users/{id}/send-reset`: issues a one-time link and shows it; no other page does.
///
/// # Errors
/// As [`Accounts::issue_link`], and as [`show`].
pub async fn make_link(request: UserRequest, form: Form<NoFields>) -> Result<HttpResponse, Error> {
    let mut errors = form.errors;
    if errors.is_empty() {
        if let Some(link) = request.accounts.issue_link(request.id, request.actor()).await? {
            let link = Some(LinkPanel::new(&request.config, link));
            return Ok(html(StatusCode::OK, &UserPage { link, ..request.page().await? }));
        }
        errors.add_form("This account is deactivated. Activate it first; then make a link.");
    }
    request.refuse(errors).await
}

/// `POST /admin/users/{id}/export`: a file with all that is stored of the user.
///
/// # Errors
/// As [`Accounts::export`], and as [`show`].
pub async fn export(request: UserRequest, form: Form<NoFields>) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        return request.refuse(form.errors).await;
    }
    let session = request.admin.session.id.clone();
    let export = request.accounts.export(request.id, request.actor(), session, Recorded::Yes).await?;
    file(export, request.id).await
}

impl UserRequest {
    fn actor(&self) -> Actor {
        Actor::administrator(&self.admin, self.client.clone())
    }

    /// Whether the user is the administrator of the request.
    fn is_own(&self) -> bool {
        self.id == self.admin.id
    }

    fn path(&self) -> String {
        format!("/admin/users/{}", self.id)
    }

    /// The response to a change: a redirect to `path` with the flash, if it was made.
    async fn respond(self, change: Change, path: &str, flash: Flash) -> Result<HttpResponse, Error> {
        match change {
            Change::Done(_) => Ok(see_other(path, flash)),
            Change::Unchanged => Ok(see_other(&self.path(), Flash::Unchanged)),
            Change::LastAdministrator => {
                let mut errors = FieldErrors::default();
                errors.add_form(LAST_ADMINISTRATOR);
                self.refuse(errors).await
            }
        }
    }

    /// The page with the form's mistakes: 422.
    async fn refuse(self, errors: FieldErrors) -> Result<HttpResponse, Error> {
        Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &self.refused(errors).await?))
    }

    /// The page with the mistakes of a form that signs the user out, which is one of those on the page: 422.
    async fn refuse_remarks(
        self,
        form: Form<EndSessionsForm>,
        place: impl FnOnce(&mut UserPage) -> &mut FilledForm,
    ) -> Result<HttpResponse, Error> {
        let mut page = self.refused(form.errors.clone()).await?;
        *place(&mut page) = FilledForm { values: form.values, errors: form.errors };
        Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
    }

    /// The page with the form's mistakes.
    async fn refused(self, errors: FieldErrors) -> Result<UserPage, Error> {
        self.accounts.check_actor(self.actor()).await?;
        Ok(UserPage { errors, ..self.page().await? })
    }

    async fn page(self) -> Result<UserPage, Error> {
        let id = self.id;
        let query =
            ListQuery { filter: Filter { user: Some(id), ..Filter::default() }, ..ListQuery::default() };
        // The sessions are read first: reading them ends those that the store has lost, so that they are not counted.
        let sessions = self.sessions.page(&query, None).await?;
        let listed = self.accounts.one(id).await?;
        let events = rows::of_user(&self.db, id, MAX_EVENTS).await?;
        let former = self.accounts.former_addresses(id).await?;
        let factors = self.accounts.second_factors_of(id).await?;
        let own = &self.admin.session.id;
        Ok(UserPage {
            errors: FieldErrors::default(),
            role: listed.user.role.name().to_owned(),
            user: UserRow::new(listed, &self.admin),
            end_form: FilledForm::default(),
            deactivate_form: FilledForm::default(),
            reset_form: FilledForm::default(),
            second_factor: SecondFactor::of(factors),
            more_sessions: sessions.next.is_some(),
            sessions: sessions.rows.iter().map(|session| SessionFacts::of(session, own)).collect(),
            events,
            former_addresses: former.into_iter().map(|old| (old.email, Moment::new(old.until))).collect(),
            link: None,
            layout: self.layout,
        })
    }
}
