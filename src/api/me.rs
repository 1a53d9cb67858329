//! `/auth/me`, `/auth/session` and `/auth/profile`: who is signed in.

use actix_web::{
    HttpRequest,
    http::header::ORIGIN,
    web::{Data, Json},
};

use super::{
    answers::{Account, Problem, SessionStatus, User},
    body::Body,
    fields::Profile,
};
use crate::{
    accounts::Accounts,
    config::Config,
    error::Error,
    security::Client,
    sessions::{CurrentUser, Sessions, came_by_bearer},
    web::cookies,
};

/// `GET /auth/me`
#[utoipa::path(
    get, path = "/auth/me", tag = "Who is signed in", summary = "The account",
    description = "Who is signed in.",
    responses((status = 200, description = "The account.", body = Account)),
)]
pub async fn me(user: CurrentUser) -> Json<Account> {
    Json(Account { user: User::of(&user) })
}

/// `GET /auth/session`
///
/// # Errors
/// As [`CurrentUser::find`]; [`Error::SecondFactorMissing`] for somebody who has to set one up first.
#[utoipa::path(
    get, path = "/auth/session", tag = "Who is signed in", summary = "The session",
    description = "Whether somebody is signed in, and the session; asked by a front end when it starts.",
    responses(
        (status = 200, description = "The session, or that there is none.", body = SessionStatus),
        (status = 403, description = "The site requires a second factor that the account has not set up yet (type `second-factor-missing`).", body = Problem, content_type = "application/problem+json"),
    ),
    security((), ("cookie" = []), ("bearer" = [])),
)]
pub async fn session(
    req: HttpRequest,
    config: Data<Config>,
    sessions: Data<Sessions>,
) -> Result<Json<SessionStatus>, Error> {
    let user = CurrentUser::find(&req).await?;
    if user.as_ref().is_some_and(|user| user.must_set_up()) {
        return Err(Error::SecondFactorMissing);
    }
    let hint = hint(&req, &config).filter(|_| user.is_none());
    Ok(Json(SessionStatus::of(&sessions, user.as_deref(), hint)))
}

/// Why a front end's request may have come without the cookie. Readers look for the fault in their code, where it is not.
fn hint(req: &HttpRequest, config: &Config) -> Option<String> {
    let has_cookie = cookies::values(req.headers(), &config.session.cookie_name).next().is_some();
    let origin = req.headers().get(ORIGIN)?.to_str().ok()?;
    let trouble = config.server.frontends.trouble(origin, &config.server.base_url, config.session.same_site);
    trouble.filter(|_| !has_cookie && !came_by_bearer())
}

/// `GET /auth/profile`
#[utoipa::path(
    get, path = "/auth/profile", tag = "Who is signed in", summary = "The profile",
    description = "The same as `/auth/me`.",
    responses((status = 200, description = "The account.", body = Account)),
)]
pub async fn profile(user: CurrentUser) -> Json<Account> {
    me(user).await
}

/// `PUT /auth/profile`
///
/// # Errors
/// As [`Accounts::change_name`].
#[utoipa::path(
    put, path = "/auth/profile", tag = "Who is signed in", summary = "Change the name",
    description = "Changes the name of the account.",
    request_body(content((Profile = "application/json"), (Profile = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The account as it is now.", body = Account),
        (status = 422, description = "The name can't be used.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn change_name(
    accounts: Data<Accounts>,
    user: CurrentUser,
    client: Client,
    body: Body<Profile>,
) -> Result<Json<Account>, Error> {
    let name = body.valid()?.name;
    accounts.change_name(&user, &name, client).await?;
    let user = CurrentUser { name: name.trim().to_owned(), ..user };
    Ok(Json(Account { user: User::of(&user) }))
}
