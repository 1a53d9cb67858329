//! Signing in and out.

use std::sync::Arc;

use actix_session::SessionExt as _;
use actix_web::HttpRequest;

use super::service::Accounts;
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::{
        CurrentUser, EndOutcome, EndReason, EndRequest, NewSession, Target, catalogue::method::Method,
    },
    users::{User, authenticate},
};

/// What somebody gives who signs in.
pub struct Credentials<'a> {
    /// The address as it was typed.
    pub email: &'a str,
    /// The password.
    pub password: String,
    /// Whether the session outlives the browser.
    pub remember: bool,
    /// The token of a browser that people trust, see `users::trusted_browsers`.
    pub trusted: Option<String>,
}

/// What became of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// A session has started; these ended because of `SESSION_LIMIT`.
    Started(EndOutcome),
    /// The password is right, and the second step is open: this is its state for the browser.
    SecondStep(String),
    /// The password is right, but the address is not confirmed, which is required (`EMAIL_CONFIRMATION`): a mail with a link is on
    /// its way to it.
    Unconfirmed,
    /// Address or password is wrong, or the account is deactivated.
    Refused,
}

impl Accounts {
    /// Signs in with address and password: starts a session in the browser that sent the request, which replaces one that
    /// this browser has. A failure is recorded.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many failures, sign-ins, or mails to an address that is not confirmed; [`Error::Forbidden`] when the
    /// account was changed meanwhile;
    /// [`Error::Busy`] when too many sign-ins wait; [`Error::Unavailable`] when a store can't be reached.
    pub async fn sign_in(
        &self,
        req: &HttpRequest,
        given: Credentials<'_>,
        client: Client,
    ) -> Result<SignIn, Error> {
        let Credentials { email, password, remember, trusted } = given;
        let found = self.find(email).await?;
        let id = found.as_ref().map(|user| user.id);
        let attempt = self.throttle.sign_in(req, email, found.as_ref(), &client).await?;
        let Some(user) = authenticate(&self.db, &self.passwords, found, password, &client).await? else {
            let throttled = attempt.failed().await;
            self.record_failure(EventKind::SignInFailed, id, client, throttled).await?;
            return Ok(SignIn::Refused);
        };
        if self.rules.confirmation_required && user.email_confirmed_at.is_none() {
            attempt.succeeded().await;
            self.send_confirmation(user.id, &user.email, client).await?;
            return Ok(SignIn::Unconfirmed);
        }
        if self.needs_second_step(&user, trusted).await? {
            attempt.succeeded().await;
            return self.open_second_step(&user, remember).await.map(SignIn::SecondStep);
        }
        let counted = self.throttle.session(user.id).await?;
        let new = NewSession {
            user_id: user.id,
            role: user.role,
            epoch: user.session_epoch,
            remembered: remember,
            method: Method::Password,
            // Where there is a second factor, this browser is trusted: for the sign-in alone.
            confirmed: !user.second_factor,
            client: client.clone(),
        };
        let ended = self.start_session(req, &user, new, |_| Ok(())).await?;
        attempt.succeeded().await;
        self.count_done(counted, user.id, &client).await;
        Ok(SignIn::Started(ended))
    }

    /// Starts a session with a change, both or neither. Its person is told if the browser is new, which is known from then on.
    pub(super) async fn start_session(
        &self,
        req: &HttpRequest,
        user: &User,
        new: NewSession,
        change: impl FnOnce(&mut DbConnection) -> Result<(), Error> + Send + 'static,
    ) -> Result<EndOutcome, Error> {
        let new_browser = self.new_browser(req, user, &new.client);
        let has_mail = new_browser.is_some() || new.method == Method::PasswordRecovery;
        let tell = |conn: &mut DbConnection, session: &str| {
            new_browser.map_or(Ok(()), |browser| browser.tell(conn, session))
        };
        let method = new.method;
        let ended = self.sessions.start(req, new, change, tell).await?;
        self.sign_ins.succeeded(method);
        if has_mail {
            self.outbox.send_soon();
        }
        self.throttle.remember_browser(req, user.id, user.session_epoch)?;
        Ok(ended)
    }

    /// The log gets the account when there is one, and never the address: people type passwords there.
    pub(super) async fn record_failure(
        &self,
        kind: EventKind,
        user: Option<i64>,
        client: Client,
        throttled: Option<String>,
    ) -> Result<(), Error> {
        self.sign_ins.failed(kind);
        let sums = Arc::clone(&self.event_sums);
        let record = move |conn: &mut DbConnection| {
            let event = |kind| Event::new(kind, user).by(None).from(Some(&client));
            let turn = throttled.map(|detail| event(EventKind::Throttled).detail(detail));
            let mut events = [Some(event(kind)), turn].into_iter().flatten();
            events.try_for_each(|event| match user {
                Some(_) => event.write(conn),
                None => sums.write(conn, event),
            })
        };
        self.db.run(record).await
    }

    /// The active user whom address and password belong to, or `None`: nothing says which of them is wrong.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many sign-ins wait; [`Error::Unavailable`] when the database can't be read.
    pub async fn authenticate(
        &self,
        email: &str,
        password: String,
        client: &Client,
    ) -> Result<Option<User>, Error> {
        let found = self.find(email).await?;
        authenticate(&self.db, &self.passwords, found, password, client).await
    }

    async fn find(&self, email: &str) -> Result<Option<User>, Error> {
        let email = email.to_owned();
        self.db.run(move |conn| User::by_email(conn, &email)).await
    }

    /// Ends the session of the request.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached; then the session lives on.
    pub async fn sign_out(&self, req: &HttpRequest, user: &CurrentUser, client: Client) -> Result<(), Error> {
        let target = Target::Ids(vec![user.session.id.clone()]);
        let request = EndRequest::by_user(EndReason::Logout, user.id, client);
        self.sessions.end(target, request).await?;
        req.get_session().purge();
        Ok(())
    }
}
