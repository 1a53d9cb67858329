//! Who may use a route, and the response to all other clients.

use std::{future::Future, pin::Pin};

use actix_web::{
    Error as ActixError, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::LOCATION},
    middleware::Next,
};

use crate::{
    accounts::{
        Accounts,
        pages::{confirm, login},
    },
    error::{Detail, Error},
    layout::Layout,
    sessions::{CurrentUser, EndedSession, Sessions},
    state::shared,
    web::accept::wants_json,
};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// Signed-in users.
    User,
    /// Administrators.
    Admin,
}

/// Which page has the form that sends a request; the client returns to it after the password was confirmed.
#[derive(Debug, Clone, Copy)]
pub(super) enum FormPage {
    /// On the page at the request's own path.
    Same,
    /// On the page one level above that path.
    Above,
}

type CheckFuture = Pin<Box<dyn Future<Output = Result<ServiceResponse<BoxBody>, ActixError>>>>;

/// Middleware of a route: passes the request on to its handler, or responds to a client that may not use it. With `form_page` the
/// password must have been confirmed recently.
pub(super) fn check(
    access: Access,
    form_page: Option<FormPage>,
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> CheckFuture {
    Box::pin(async move {
        let current = match CurrentUser::find(req.request()).await {
            Ok(Some(user)) => rotate_if_stale(req.request(), &user).map(|()| Some(user)),
            other => other,
        };
        let user = match current {
            Err(error) => return Ok(req.error_response(error)),
            Ok(None) => {
                let response = not_signed_in(&mut req).await;
                return Ok(req.into_response(response));
            }
            Ok(Some(user)) => user,
        };
        if access == Access::Admin && !user.is_admin() {
            tracing::warn!(
                target: "gatehouse::security",
                kind = "denied",
                user = user.id,
                session = %user.session.id,
                path = ?req.path(),
            );
            return Ok(req.error_response(Error::administrators_only()));
        }
        match form_page.map(|page| confirm_first(req.request(), &user, page)) {
            Some(Err(error)) => Ok(req.error_response(error)),
            Some(Ok(Some(response))) => Ok(req.into_response(response)),
            None | Some(Ok(None)) => Ok(next.call(req).await?.map_into_boxed_body()),
        }
    })
}

fn rotate_if_stale(req: &HttpRequest, user: &CurrentUser) -> Result<(), Error> {
    shared::<Sessions>(req)?.rotate_if_stale(req, user)
}

/// The response that asks for the password, if it was not confirmed recently.
fn confirm_first(
    req: &HttpRequest,
    user: &CurrentUser,
    form_page: FormPage,
) -> Result<Option<HttpResponse>, Error> {
    let back = match form_page {
        FormPage::Same => req.path(),
        FormPage::Above => req.path().rsplit_once('/').map_or("/", |(above, _)| above),
    };
    Ok(confirm::required(req, shared::<Accounts>(req)?, user, back))
}

/// The response to a client that is not signed in: a redirect to the sign-in page, which leads back to the request's path; for a
/// submitted form the sign-in page itself with 401; for a client that wants JSON an error with the reason.
async fn not_signed_in(req: &mut ServiceRequest) -> HttpResponse {
    if wants_json(req.request()) {
        let mut response = HttpResponse::from_error(Error::SignInFirst);
        let ended = EndedSession::of(req.request()).await;
        let sentence = ended.map_or_else(
            || "You are not signed in. Sign in to go on.".to_owned(),
            |ended| ended.message.sentence(),
        );
        response.extensions_mut().insert(Detail(sentence));
        return response;
    }
    if matches!(*req.method(), Method::GET | Method::HEAD) {
        let here = req.uri().path_and_query().map_or("/", |path| path.as_str());
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", here).finish();
        return HttpResponse::SeeOther().insert_header((LOCATION, format!("/login?{query}"))).finish();
    }
    match req.extract::<Layout>().await {
        Ok(layout) => login::sign_in_first(req.request(), layout, String::new()).await,
        Err(error) => HttpResponse::from_error(error),
    }
}
