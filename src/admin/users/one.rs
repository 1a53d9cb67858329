//! `/admin/users/{id}`: the forms that change the account of one user.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};

use super::{list::LinkPanel, user_request::UserRequest};
use crate::{
    accounts::{Change, Recorded, pages::export::file, pages::signed_out::signed_out},
    admin::forms::{EndSessionsForm, NoFields, RoleForm},
    error::Error,
    layout::{Flash, SecondFactorFlash, see_other},
    users::Role,
    web::{Form, html},
};

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
/// As [`Accounts::set_role`](crate::accounts::Accounts::set_role), and as [`show`].
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
/// As [`Accounts::deactivate`](crate::accounts::Accounts::deactivate), and as [`show`].
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
/// As [`Accounts::activate`](crate::accounts::Accounts::activate), and as [`show`].
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
/// As [`Accounts::end_sessions_of`](crate::accounts::Accounts::end_sessions_of), and as [`show`].
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
/// As [`Accounts::reset_second_factor`](crate::accounts::Accounts::reset_second_factor), and as [`show`].
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
/// As [`Accounts::issue_link`](crate::accounts::Accounts::issue_link), and as [`show`].
pub async fn make_link(request: UserRequest, form: Form<NoFields>) -> Result<HttpResponse, Error> {
    let mut errors = form.errors;
    if errors.is_empty() {
        if let Some(link) = request.accounts.issue_link(request.id, request.actor()).await? {
            let link = Some(LinkPanel::new(&request.config, link));
            let mut page = request.page().await?;
            page.link = link;
            return Ok(html(StatusCode::OK, &page));
        }
        errors.add_form("This account is deactivated. Activate it first; then make a link.");
    }
    request.refuse(errors).await
}

/// `POST /admin/users/{id}/export`: a file with all that is stored of the user.
///
/// # Errors
/// As [`Accounts::export`](crate::accounts::Accounts::export), and as [`show`].
pub async fn export(request: UserRequest, form: Form<NoFields>) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        return request.refuse(form.errors).await;
    }
    let session = request.admin.session.id.clone();
    let export = request.accounts.export(request.id, request.actor(), session, Recorded::Yes).await?;
    file(export, request.id).await
}
