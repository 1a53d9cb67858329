//! `/auth/register`, `/auth/login` and `/auth/logout`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Json},
};

use super::{
    answers::{Message, Problem, SignedIn, User, utc},
    body::Body,
    fields::{Credentials, NoFields, Registration, SecondStepFields},
};
use crate::{
    accounts::{self, Accounts, NewAccount, SecondStep, Shown, SignIn, SignUp},
    error::Error,
    layout::Flash,
    security::Client,
    sessions::{CurrentUser, EndOutcome, Sessions, came_by_bearer, clear_site_data},
};

/// `POST /auth/register`
///
/// # Errors
/// As [`Accounts::sign_up`].
#[utoipa::path(
    post, path = "/auth/register", tag = "Sign in", summary = "Make an account",
    description = "Makes an account and signs in: with a cookie, or with a token where one is asked for.",
    request_body(content((Registration = "application/json"), (Registration = "application/x-www-form-urlencoded"))),
    responses(
        (status = 201, description = "The account was made; its user is signed in.", body = SignedIn),
        (status = 202, description = "A mail leads on; nobody is signed in. With `EMAIL_CONFIRMATION=required` this says nothing about whether the address has an account.", body = Message),
        (status = 403, description = "Accounts here are by invitation, the site is not set up, or the request came from another site.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The address has an account.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Fields can't be used; `errors` says what is wrong with each.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many registrations; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub async fn register(
    req: HttpRequest,
    accounts: Data<Accounts>,
    sessions: Data<Sessions>,
    client: Client,
    body: Body<Registration>,
) -> Result<HttpResponse, Error> {
    let policy = accounts.password_policy();
    let body = body.check("password", |sent| policy.length_flaw(&sent.password));
    let Registration { name, email, password, token } =
        body.check("token", |sent| no_cookie(sent.token)).valid()?;
    match accounts.sign_up(&req, NewAccount { name, email, password }, client).await? {
        SignUp::Done => {
            let message = "Your account is ready, and you are signed in.".to_owned();
            let answer = signed_in(&req, &sessions, message, token).await?;
            Ok(HttpResponse::Created().json(answer))
        }
        SignUp::CheckMail => {
            let message =
                "Check your mail: the link in it confirms the address, and then you can sign in.".to_owned();
            Ok(HttpResponse::Accepted().json(Message { message }))
        }
        SignUp::AddressTaken => Err(Error::AddressTaken),
        SignUp::Closed => {
            Err(Error::Forbidden("Accounts here are by invitation, or the site is not set up yet."))
        }
    }
}

/// `POST /auth/login`
///
/// # Errors
/// As [`Accounts::sign_in`].
#[utoipa::path(
    post, path = "/auth/login", tag = "Sign in", summary = "Sign in",
    description = "Starts a session: with a cookie, or with a token where one is asked for. It replaces the session that the request came with.",
    request_body(content((Credentials = "application/json"), (Credentials = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "Signed in.", body = SignedIn),
        (status = 403, description = "The password is right, and the address has to be confirmed first (type `…/email-unconfirmed`); or the request came from another site.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Address or password is wrong; or the password is right and a code is needed (type `…/mfa-required`), which goes to `/auth/login/verify` with `mfa_token`.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Fields can't be used; `errors` says what is wrong with each.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many failures; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub async fn login(
    req: HttpRequest,
    accounts: Data<Accounts>,
    sessions: Data<Sessions>,
    client: Client,
    body: Body<Credentials>,
) -> Result<Json<SignedIn>, Error> {
    let sent = body.check("token", |sent| no_cookie(sent.token)).valid()?;
    let given = accounts::Credentials {
        email: &sent.email,
        password: sent.password,
        remember: sent.remember,
        trusted: None,
    };
    match accounts.sign_in(&req, given, client).await? {
        SignIn::Refused => Err(Error::WrongCredentials),
        SignIn::SecondStep(state) => {
            let factors = accounts.factors_of_step(&state).await?.unwrap_or_default();
            Err(Error::CodeNeeded { state, methods: factors.names() })
        }
        SignIn::Unconfirmed => Err(Error::EmailUnconfirmed),
        SignIn::Started(ended) => signed_in(&req, &sessions, greeting(ended), sent.token).await.map(Json),
    }
}

fn greeting(ended: EndOutcome) -> String {
    let message = "You are signed in.";
    match ended.count {
        0 => message.to_owned(),
        _ => format!("{message} {}", Flash::LimitReached(ended).notice().text),
    }
}

/// `POST /auth/login/verify`
///
/// # Errors
/// As [`Accounts::complete_sign_in`].
#[utoipa::path(
    post, path = "/auth/login/verify", tag = "Sign in", summary = "Give a code",
    description = "The second step of a sign-in whose password was right and whose account has a second factor. `mfa_token` is good for ten minutes and for one session.",
    request_body(content((SecondStepFields = "application/json"), (SecondStepFields = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "Signed in.", body = SignedIn),
        (status = 401, description = "The code is wrong (type `…/mfa-wrong-code`), or the second step is over (`…/mfa-over`).", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Fields can't be used; `errors` says what is wrong with each.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong codes; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub async fn verify_code(
    req: HttpRequest,
    accounts: Data<Accounts>,
    sessions: Data<Sessions>,
    client: Client,
    body: Body<SecondStepFields>,
) -> Result<Json<SignedIn>, Error> {
    let sent = body.check("token", |sent| no_cookie(sent.token)).valid()?;
    let code = Shown::Code(&sent.code);
    match accounts.complete_sign_in(&req, &sent.mfa_token, code, None, client).await? {
        SecondStep::Done(ended) => signed_in(&req, &sessions, greeting(ended), sent.token).await.map(Json),
        SecondStep::Wrong => Err(Error::WrongCode),
        SecondStep::PasskeyRefused(refusal) => Err(Error::PasskeyRefused(refusal)),
        SecondStep::Over => Err(Error::SecondStepOver),
    }
}

/// A client that brings a token gets no cookie, so a sign-in of it has to ask for another token.
fn no_cookie(wants_token: bool) -> Option<String> {
    let text = "The request brings a token (Authorization: Bearer), so no cookie is set. Ask for a token, or leave out the header.";
    (came_by_bearer() && !wants_token).then(|| text.to_owned())
}

async fn signed_in(
    req: &HttpRequest,
    sessions: &Sessions,
    message: String,
    wants_token: bool,
) -> Result<SignedIn, Error> {
    let token = if wants_token { Some(sessions.new_token(req)?) } else { None };
    let user = sessions.just_started().await?.ok_or(Error::SignInFirst)?;
    Ok(SignedIn {
        message,
        user: User::of(&user),
        session_id: token.is_some().then(|| user.session.id.clone()),
        expires_at: token.is_some().then(|| utc(sessions.expires_at(&user.session))),
        token,
    })
}

/// `POST /auth/logout`
///
/// # Errors
/// As [`Accounts::sign_out`].
#[utoipa::path(
    post, path = "/auth/logout", tag = "Sign in", summary = "Sign out",
    description = "Ends the session of the request.",
    responses((status = 204, description = "Signed out.")),
)]
pub async fn logout(
    req: HttpRequest,
    accounts: Data<Accounts>,
    client: Client,
    body: Body<NoFields>,
) -> Result<HttpResponse, Error> {
    body.valid()?;
    let user = CurrentUser::find_to_end(&req).await?.ok_or(Error::SignInFirst)?;
    accounts.sign_out(&req, &user, client).await?;
    clear_site_data();
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}
