//! The second step of a sign-in: after the right password there is no session yet, but a state that is good for nothing else. The
//! browser holds it, encrypted, for ten minutes; it works once.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::{
    codes::{Code, use_read_code},
    passkey_check::CheckedPasskey,
    passkey_sign_in::second_step as purpose_of,
    service::Accounts,
};
use crate::{
    db::DbConnection,
    error::{Error, PasskeyRefusal},
    events::{Event, EventKind},
    security::Client,
    sessions::{
        EndOutcome, NewSession,
        catalogue::{device::describe_user_agent, method::Method},
    },
    users::{User, ceremonies::Answer, factors::Factors, second_step, trusted_browsers},
};

/// What the state is encrypted under.
const NAME: &str = "gatehouse-second-step";

/// A sign-in whose second step is open.
struct OpenStep {
    token: String,
    epoch: i64,
    remember: bool,
}

impl OpenStep {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let (token, epoch, remember) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { token: token.to_owned(), epoch: epoch.parse().ok()?, remember: remember == "remember" })
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.token, self.epoch, if self.remember { "remember" } else { "forget" })
    }
}

/// What became of a second step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondStep {
    /// The session has started; these ended because of `SESSION_LIMIT`.
    Done(EndOutcome),
    /// The code is wrong or was used before.
    Wrong,
    /// The passkey is not accepted.
    PasskeyRefused(PasskeyRefusal),
    /// It took too long, was completed before, or the account was changed: the password is needed again.
    Over,
}

/// What somebody shows at the second step.
pub enum Shown<'a> {
    /// A code as it was typed.
    Code(&'a str),
    /// What a passkey says; `None`: it can't be read.
    Passkey(Option<&'a Answer>),
}

/// The same once it was read, and where it is a passkey, checked.
enum Factor {
    Code(Code),
    Passkey(CheckedPasskey),
}

impl Factor {
    fn method(&self) -> Method {
        match self {
            Self::Code(code) => code.method(),
            Self::Passkey(_) => Method::PasswordPasskey,
        }
    }
}

impl Accounts {
    /// Whether a user whose password was right has to show a second factor in the browser of the request. `trusted`: the token of
    /// the browser's cookie.
    pub(super) async fn needs_second_step(
        &self,
        user: &User,
        trusted: Option<String>,
    ) -> Result<bool, Error> {
        match (user.second_factor, trusted) {
            (false, _) => Ok(false),
            (true, None) => Ok(true),
            (true, Some(token)) => {
                let id = user.id;
                Ok(!self.db.run(move |conn| trusted_browsers::is_trusted(conn, id, &token)).await?)
            }
        }
    }

    /// Opens the second step of a sign-in. Returns the state for the browser.
    pub(super) async fn open_second_step(&self, user: &User, remember: bool) -> Result<String, Error> {
        let (id, epoch) = (user.id, user.session_epoch);
        let token = self.db.transaction(move |conn| second_step::open(conn, id)).await?;
        self.second_factors.seal(NAME, &OpenStep { token, epoch, remember }.text())
    }

    /// What the person can show whose second step has this state; `None`: it is not open.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn factors_of_step(&self, state: &str) -> Result<Option<Factors>, Error> {
        match self.owner_of_step(state).await? {
            Some(user) => self.factors_of(user.id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The person whose second step has this state, if it is open.
    pub(super) async fn owner_of_step(&self, state: &str) -> Result<Option<User>, Error> {
        Ok(self.step_and_owner(state).await?.map(|(_, user)| user))
    }

    async fn step_and_owner(&self, state: &str) -> Result<Option<(OpenStep, User)>, Error> {
        let Some(step) = self.second_factors.open(NAME, state).and_then(|text| OpenStep::parse(&text)) else {
            return Ok(None);
        };
        let (token, epoch) = (step.token.clone(), step.epoch);
        let owner = self.db.run(move |conn| second_step::owner(conn, &token, epoch)).await?;
        Ok(owner.map(|user| (step, user)))
    }

    /// Completes a sign-in with a code of the authenticator app, a recovery code or a passkey. `trust`: the token of the browser's cookie, if
    /// the browser is to be trusted from now on.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`].
    pub async fn complete_sign_in(
        &self,
        req: &HttpRequest,
        state: &str,
        shown: Shown<'_>,
        trust: Option<String>,
        client: Client,
    ) -> Result<SecondStep, Error> {
        let Some((step, user)) = self.step_and_owner(state).await? else { return Ok(SecondStep::Over) };
        let attempt = self.throttle.second_step(req, &user, &client).await?;
        let counted = self.throttle.session(user.id).await?;
        let started = match self.read_factor(state, &user, shown, &client).await {
            Ok(factor) => self.start_after(req, &user, step, factor, trust, client.clone()).await,
            Err(error) => Err(error),
        };
        match started {
            Ok(ended) => {
                attempt.succeeded().await;
                self.count_done(counted, user.id, &client).await;
                Ok(SecondStep::Done(ended))
            }
            Err(refused @ (Error::WrongCode | Error::PasskeyRefused(_))) => {
                let throttled = attempt.failed().await;
                self.record_failure(EventKind::SecondStepFailed, Some(user.id), client, throttled).await?;
                Ok(match refused {
                    Error::PasskeyRefused(refusal) => SecondStep::PasskeyRefused(refusal),
                    _ => SecondStep::Wrong,
                })
            }
            Err(Error::SecondStepOver) => Ok(SecondStep::Over),
            Err(error) => Err(error),
        }
    }

    async fn read_factor(
        &self,
        state: &str,
        user: &User,
        shown: Shown<'_>,
        client: &Client,
    ) -> Result<Factor, Error> {
        match shown {
            Shown::Code(typed) => Code::read(typed).map(Factor::Code).ok_or(Error::WrongCode),
            Shown::Passkey(answer) => {
                let read = self.read_answer(&purpose_of(state), answer).await?;
                Ok(Factor::Passkey(self.check_answer(read, Some(user.id), client).await?.0))
            }
        }
    }

    /// Starts the session with the transaction that uses up step and factor.
    async fn start_after(
        &self,
        req: &HttpRequest,
        user: &User,
        step: OpenStep,
        factor: Factor,
        trust: Option<String>,
        client: Client,
    ) -> Result<EndOutcome, Error> {
        let (method, id) = (factor.method(), user.id);
        let new = NewSession {
            user_id: user.id,
            role: user.role,
            epoch: step.epoch,
            remembered: step.remember,
            method,
            confirmed: true,
            client: client.clone(),
        };
        let (token, keys, notices) = (step.token, Arc::clone(&self.second_factors), self.notices());
        let use_up = move |conn: &mut DbConnection| {
            // First, as in all changes of the account.
            let user = User::lock(conn, id)?;
            if !second_step::close(conn, &token)? {
                return Err(Error::SecondStepOver);
            }
            match &factor {
                Factor::Code(code) => {
                    let is_right = use_read_code(conn, &keys, &notices, &user, code, &client)?;
                    is_right.then_some(()).ok_or(Error::WrongCode)?;
                }
                Factor::Passkey(passkey) => passkey.record(conn)?,
            }
            if let Some(token) = trust {
                let device = describe_user_agent(&client.user_agent);
                trusted_browsers::trust(conn, id, &token, &device, &client.ip.to_string())?;
                Event::new(EventKind::BrowserTrusted, Some(id)).from(Some(&client)).write(conn)?;
            }
            Ok(())
        };
        self.start_session(req, user, new, use_up).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn open_step_is_read_as_it_was_written(token in "[A-Za-z0-9_-]{43}", epoch in any::<i64>(), remember in any::<bool>()) {
            let step = OpenStep::parse(&OpenStep { token: token.clone(), epoch, remember }.text()).unwrap();
            prop_assert_eq!((step.token, step.epoch, step.remember), (token, epoch, remember));
        }
    }
}
