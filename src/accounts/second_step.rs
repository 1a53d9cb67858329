//! The second step of a sign-in: after the right password there is no session yet, but a state that is good for nothing else. The
//! browser holds it, encrypted, for ten minutes; it works once.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::{notices::Notices, service::Accounts};
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::{
        EndOutcome, NewSession,
        catalogue::{device::describe_user_agent, method::Method},
    },
    users::{
        User, recovery_codes, second_step,
        totp::{self, SecondFactorKeys},
        trusted_browsers,
    },
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
    /// It took too long, was completed before, or the account was changed: the password is needed again.
    Over,
}

/// A code as it was typed.
enum Code {
    /// Six digits, as an authenticator app shows them.
    Totp(String),
    Recovery(String),
}

impl Code {
    /// Spaces don't count, nor in which script digits are written.
    fn read(typed: &str) -> Option<Self> {
        if recovery_codes::is_code(typed) {
            return Some(Self::Recovery(typed.to_owned()));
        }
        let digits: Option<String> =
            typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').map(digit).collect();
        digits.filter(|digits| digits.len() == 6).map(Self::Totp)
    }

    fn method(&self) -> Method {
        match self {
            Self::Totp(_) => Method::PasswordTotp,
            Self::Recovery(_) => Method::PasswordRecovery,
        }
    }
}

/// A decimal digit of a script that keyboards have, as ASCII.
fn digit(letter: char) -> Option<char> {
    const ZEROS: [char; 5] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{ff10}'];
    let value = |zero: char| u32::from(letter).checked_sub(u32::from(zero)).filter(|value| *value < 10);
    ZEROS.into_iter().find_map(value).and_then(|value| char::from_digit(value, 10))
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

    /// Whether the second step with this state is open.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn is_second_step_open(&self, state: &str) -> Result<bool, Error> {
        Ok(self.step_and_owner(state).await?.is_some())
    }

    async fn step_and_owner(&self, state: &str) -> Result<Option<(OpenStep, User)>, Error> {
        let Some(step) = self.second_factors.open(NAME, state).and_then(|text| OpenStep::parse(&text)) else {
            return Ok(None);
        };
        let (token, epoch) = (step.token.clone(), step.epoch);
        let owner = self.db.run(move |conn| second_step::owner(conn, &token, epoch)).await?;
        Ok(owner.map(|user| (step, user)))
    }

    /// Completes a sign-in with a code of the authenticator app or a recovery code. `trust`: the token of the browser's cookie, if
    /// the browser is to be trusted from now on.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`].
    pub async fn complete_sign_in(
        &self,
        req: &HttpRequest,
        state: &str,
        code: &str,
        trust: Option<String>,
        client: Client,
    ) -> Result<SecondStep, Error> {
        let Some((step, user)) = self.step_and_owner(state).await? else { return Ok(SecondStep::Over) };
        let attempt = self.throttle.second_step(req, &user, &client).await?;
        let counted = self.throttle.session(user.id).await?;
        match self.start_after(req, &user, step, code, trust, client.clone()).await {
            Ok(ended) => {
                attempt.succeeded().await;
                self.count_done(counted, user.id, &client).await;
                Ok(SecondStep::Done(ended))
            }
            Err(Error::WrongCode) => {
                let throttled = attempt.failed().await;
                self.record_failure(EventKind::SecondStepFailed, Some(user.id), client, throttled).await?;
                Ok(SecondStep::Wrong)
            }
            Err(Error::SecondStepOver) => Ok(SecondStep::Over),
            Err(error) => Err(error),
        }
    }

    /// Starts the session with the transaction that uses up step and code.
    async fn start_after(
        &self,
        req: &HttpRequest,
        user: &User,
        step: OpenStep,
        code: &str,
        trust: Option<String>,
        client: Client,
    ) -> Result<EndOutcome, Error> {
        let method = Code::read(code).ok_or(Error::WrongCode)?.method();
        let (code, id) = (code.to_owned(), user.id);
        let new = NewSession {
            user_id: user.id,
            role: user.role,
            epoch: step.epoch,
            remembered: step.remember,
            method,
            client: client.clone(),
        };
        let (token, keys, notices) = (step.token, Arc::clone(&self.second_factors), self.notices());
        let use_up = move |conn: &mut DbConnection| {
            // First, as in all changes of the account.
            let user = User::lock(conn, id)?;
            if !second_step::close(conn, &token)? {
                return Err(Error::SecondStepOver);
            }
            use_code(conn, &keys, &notices, &user, &code, &client)?.ok_or(Error::WrongCode)?;
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

/// Uses up a code of the user, whose row is locked. A recovery code is recorded, and told of. Returns how it counts; `None`: it is
/// wrong or was used before.
pub(super) fn use_code(
    conn: &mut DbConnection,
    keys: &SecondFactorKeys,
    notices: &Notices,
    user: &User,
    typed: &str,
    client: &Client,
) -> Result<Option<Method>, Error> {
    let Some(code) = Code::read(typed) else { return Ok(None) };
    let is_right = match &code {
        Code::Totp(code) => totp::use_code(conn, keys, user.id, code)?,
        Code::Recovery(code) => recovery_codes::use_code(conn, user.id, code)?,
    };
    if !is_right {
        return Ok(None);
    }
    if let Code::Recovery(_) = code {
        let left = recovery_codes::left(conn, user.id)?;
        let event = Event::new(EventKind::RecoveryCodeUsed, Some(user.id)).from(Some(client));
        event.detail(format!("{left} left")).write(conn)?;
        notices.recovery_code_used(conn, user, left, client)?;
    }
    Ok(Some(code.method()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn code_is_read_however_digits_are_typed() {
        for typed in ["123456", " 123 456\t", "123-456", "١٢٣٤٥٦", "۱۲۳۴۵۶", "१२३४५६", "１２３４５６"]
        {
            assert!(matches!(Code::read(typed), Some(Code::Totp(code)) if code == "123456"), "{typed:?}");
        }
        for typed in ["", "12345", "1234567", "12345a", "½23456", "٠", "123.456"] {
            assert!(Code::read(typed).is_none(), "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn code_reader_takes_anything(typed in any::<String>()) {
            if let Some(Code::Totp(code)) = Code::read(&typed) {
                prop_assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
            }
        }

        #[test]
        fn open_step_is_read_as_it_was_written(token in "[A-Za-z0-9_-]{43}", epoch in any::<i64>(), remember in any::<bool>()) {
            let step = OpenStep::parse(&OpenStep { token: token.clone(), epoch, remember }.text()).unwrap();
            prop_assert_eq!((step.token, step.epoch, step.remember), (token, epoch, remember));
        }
    }
}
