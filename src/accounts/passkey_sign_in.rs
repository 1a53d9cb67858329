//! Signing in with a passkey alone, and being checked again with one. Its device has checked that its user is there, so it is two
//! factors by itself.

use actix_web::HttpRequest;

use super::{passkey_check::CheckedPasskey, service::Accounts};
use crate::{
    crypto::sha256_hex,
    db::DbConnection,
    error::{Error, PasskeyRefusal},
    events::{Event, EventKind},
    security::Client,
    sessions::{CurrentUser, EndOutcome, NewSession, StateChange, catalogue::method::Method},
    users::{
        User,
        ceremonies::{Answer, Begun},
        ceremony_state::Purpose,
        passkeys,
    },
};

/// What became of a sign-in with a passkey that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeySignIn {
    /// A session has started; these ended because of `SESSION_LIMIT`.
    Started(EndOutcome),
    /// The address is not confirmed, which is required (`EMAIL_CONFIRMATION`): a mail with a link is on its way to it.
    Unconfirmed,
}

/// What a second step with a passkey is for: the sign-in with this state.
pub(super) fn second_step(state: &str) -> Purpose {
    Purpose::SecondStep(sha256_hex(state))
}

impl Accounts {
    /// Begins a sign-in with whichever passkey the browser has. Nothing is stored.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when there are no passkeys here.
    pub fn begin_passkey_sign_in(&self) -> Result<Begun, Error> {
        self.ceremonies()?.begin_use(&self.second_factors, Purpose::SignIn, &[])
    }

    /// Begins a second step with one of the person's passkeys.
    ///
    /// # Errors
    /// [`Error::SecondStepOver`] when the second step with this state is not open.
    pub async fn begin_passkey_step(&self, state: &str) -> Result<Begun, Error> {
        let user = self.owner_of_step(state).await?.ok_or(Error::SecondStepOver)?;
        self.begin_own(second_step(state), user.id).await
    }

    /// Begins to check whoever is signed in again.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when there are no passkeys here.
    pub async fn begin_passkey_confirmation(&self, user: &CurrentUser) -> Result<Begun, Error> {
        self.begin_own(Purpose::Confirm(user.session.id.clone()), user.id).await
    }

    async fn begin_own(&self, purpose: Purpose, user: i64) -> Result<Begun, Error> {
        let ceremonies = self.ceremonies()?;
        let host = ceremonies.rp_id().to_owned();
        let (known, _) = self.db.run(move |conn| passkeys::known(conn, user, &host)).await?;
        ceremonies.begin_use(&self.second_factors, purpose, &known)
    }

    /// Signs in with a passkey: as [`Accounts::sign_in`] without a second step.
    ///
    /// # Errors
    /// [`Error::PasskeyRefused`] when it is not right, which is counted and recorded; also as [`Accounts::sign_in`].
    pub async fn sign_in_with_passkey(
        &self,
        req: &HttpRequest,
        answer: &Answer,
        remember: bool,
        client: Client,
    ) -> Result<PasskeySignIn, Error> {
        let read = self.read_answer(&Purpose::SignIn, Some(answer)).await?;
        let id = read.owner().map(|user| user.id);
        let attempt = self.throttle.passkey(req, read.owner(), &client).await?;
        let started = match self.check_answer(read, None, &client).await {
            Ok((_, user)) if self.rules.confirmation_required && user.email_confirmed_at.is_none() => {
                attempt.succeeded().await;
                self.send_confirmation(user.id, &user.email, client).await?;
                return Ok(PasskeySignIn::Unconfirmed);
            }
            Ok((passkey, user)) => self.start_with_passkey(req, passkey, user, remember, &client).await,
            Err(error) => Err(error),
        };
        match started {
            Ok(ended) => {
                attempt.succeeded().await;
                Ok(PasskeySignIn::Started(ended))
            }
            Err(Error::PasskeyRefused(refusal)) => {
                let throttled = attempt.failed().await;
                self.record_failure(EventKind::SignInFailed, id, client, throttled).await?;
                Err(Error::PasskeyRefused(refusal))
            }
            Err(error) => Err(error),
        }
    }

    async fn start_with_passkey(
        &self,
        req: &HttpRequest,
        passkey: CheckedPasskey,
        user: User,
        remember: bool,
        client: &Client,
    ) -> Result<EndOutcome, Error> {
        let counted = self.throttle.session(user.id).await?;
        let id = user.id;
        let new = NewSession {
            user_id: id,
            role: user.role,
            epoch: user.session_epoch,
            remembered: remember,
            method: Method::Passkey,
            confirmed: true,
            client: client.clone(),
        };
        let record = move |conn: &mut DbConnection| {
            // First, as in all changes of the account.
            User::lock(conn, id)?;
            passkey.record(conn)
        };
        let ended = self.start_session(req, &user, new, record).await?;
        self.count_done(counted, id, client).await;
        Ok(ended)
    }

    /// Checks whoever is signed in again, with a passkey: the strongest factor, which needs nothing beside it. If it is right, the
    /// session gets a new key, as at a sign-in. `answer`: `None`: it can't be read. Returns why it is refused, which is recorded.
    ///
    /// # Errors
    /// As [`Accounts::confirm_password`].
    pub async fn confirm_with_passkey(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        answer: Option<&Answer>,
        client: Client,
    ) -> Result<Result<(), PasskeyRefusal>, Error> {
        let attempt = self.throttle.password_again(&user.session.id, &client).await?;
        let given = self.throttle.change(user.id).await?;
        let read = self.read_answer(&Purpose::Confirm(user.session.id.clone()), answer).await?;
        let confirmed = match self.check_answer(read, Some(user.id), &client).await {
            Ok((passkey, _)) => self.record_confirmation(req, user, passkey, &client).await,
            Err(error) => Err(error),
        };
        match confirmed {
            Ok(()) => {
                attempt.succeeded().await;
                self.count_done(given, user.id, &client).await;
                Ok(Ok(()))
            }
            Err(Error::PasskeyRefused(refusal)) => {
                self.record_wrong_proof(user, attempt.failed().await, &client).await?;
                Ok(Err(refusal))
            }
            Err(error) => Err(error),
        }
    }

    async fn record_confirmation(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        passkey: CheckedPasskey,
        client: &Client,
    ) -> Result<(), Error> {
        let id = user.id;
        let confirmed =
            Event::new(EventKind::Confirmed, Some(id)).session(&user.session.id).from(Some(client));
        let record = move |conn: &mut DbConnection| {
            User::lock(conn, id)?;
            passkey.record(conn)?;
            confirmed.detail("with a passkey").write(conn)
        };
        self.sessions.change_and_rotate(req, StateChange::Confirmed, record).await
    }
}
