//! What this site's own script calls for passkeys: what the authenticator is asked, and the sign-in. Not for front ends: browsers use
//! a passkey on the pages of its host alone.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    web::{Data, Json},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{body::Body, fields::NoFields};
use crate::{
    accounts::{Accounts, PasskeySignIn, pages},
    config::Config,
    error::Error,
    layout::{EmailFlash, Flash, put_flash},
    security::Client,
    sessions::CurrentUser,
    users::ceremonies::{Answer, Begun},
    web::read_body,
};

/// `POST /login/passkey/options`
///
/// # Errors
/// As [`Accounts::begin_passkey_sign_in`].
pub async fn begin_sign_in(accounts: Data<Accounts>, _: NothingSent) -> Result<Json<Begun>, Error> {
    accounts.begin_passkey_sign_in().map(Json)
}

/// `POST /login/verify/options`
///
/// # Errors
/// As [`Accounts::begin_passkey_step`].
pub async fn begin_second_step(
    req: HttpRequest,
    config: Data<Config>,
    accounts: Data<Accounts>,
    _: NothingSent,
) -> Result<Json<Begun>, Error> {
    let state = pages::second_step::state(&req, &config.server).ok_or(Error::SecondStepOver)?;
    accounts.begin_passkey_step(&state).await.map(Json)
}

/// `POST /confirm-password/options`
///
/// # Errors
/// As [`Accounts::begin_passkey_confirmation`].
pub async fn begin_confirmation(
    accounts: Data<Accounts>,
    user: CurrentUser,
    _: NothingSent,
) -> Result<Json<Begun>, Error> {
    accounts.begin_passkey_confirmation(&user).await.map(Json)
}

/// `POST /security/passkeys/options`
///
/// # Errors
/// As [`Accounts::begin_passkey`].
pub async fn begin_registration(
    accounts: Data<Accounts>,
    user: CurrentUser,
    _: NothingSent,
) -> Result<Json<Begun>, Error> {
    accounts.begin_passkey(&user).await.map(Json)
}

/// That nothing was sent, not even the braces of JSON, or no fields.
pub struct NothingSent;

impl FromRequest for NothingSent {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let body = read_body(&req, &mut payload).await?;
            if !body.is_empty() {
                Body::<NoFields>::read(&req, &body)?.valid()?;
            }
            Ok(Self)
        })
    }
}

/// What `/login/passkey` takes: JSON with the answer of the authenticator.
pub struct SentAnswer {
    answer: Answer,
    remember: bool,
    next: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    ceremony: String,
    #[serde(borrow)]
    credential: &'a RawValue,
    #[serde(default)]
    remember: bool,
    #[serde(default)]
    next: String,
}

impl FromRequest for SentAnswer {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move { Self::read(&read_body(&req, &mut payload).await?) })
    }
}

impl SentAnswer {
    fn read(body: &[u8]) -> Result<Self, Error> {
        let fields: Fields<'_> = serde_json::from_slice(body).map_err(|error| {
            let text = "Send a JSON object with the texts ceremony and next, the object credential, and the choice remember";
            Error::BadRequest(format!("{text}: {error}."))
        })?;
        let Fields { ceremony, credential, remember, next } = fields;
        let answer = Answer { ceremony, credential: credential.get().to_owned() };
        Ok(Self { answer, remember, next })
    }
}

/// `POST /login/passkey`
///
/// # Errors
/// As [`Accounts::sign_in_with_passkey`].
pub async fn sign_in(
    req: HttpRequest,
    config: Data<Config>,
    accounts: Data<Accounts>,
    client: Client,
    sent: SentAnswer,
) -> Result<HttpResponse, Error> {
    let (location, flash) =
        match accounts.sign_in_with_passkey(&req, &sent.answer, sent.remember, client).await? {
            PasskeySignIn::Started(ended) => pages::onwards::landing(&sent.next, &config.server, ended),
            PasskeySignIn::Unconfirmed => {
                ("/email/sent".to_owned(), Some(Flash::Email(EmailFlash::ConfirmFirst)))
            }
        };
    let mut response = HttpResponse::Ok().json(json!({ "location": location }));
    if let Some(flash) = flash {
        put_flash(&mut response, &flash);
    }
    Ok(response)
}
