//! The password once more, and a code where there is a second factor: the one way in which whoever is signed in is checked again.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::{changes::check_live, codes::use_code, service::Accounts};
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::{CurrentUser, StateChange},
    users::{User, password::Verdict},
};

/// What somebody who is signed in gives to be checked again.
pub struct Proof {
    /// The password.
    pub password: String,
    /// A code of the authenticator app or a recovery code; empty: none.
    pub code: String,
}

impl Accounts {
    /// Whether a code is needed beside the password: there is a second factor, and it was not shown recently.
    pub fn needs_code(&self, user: &CurrentUser) -> bool {
        user.second_factor && !user.session.is_confirmed(self.rules.confirm_ttl)
    }

    /// Checks the password of whoever is signed in, and the code where [`Self::needs_code`]. Returns the hash that the password
    /// fits, which a change must still find; `None`: one of them is wrong, which is recorded. Who acts on a right one records what was done; otherwise there is
    /// [`Self::record_password_given`].
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many, wrong or right; [`Error::SignInFirst`] when the session ended meanwhile; [`Error::Busy`]
    /// when too many checks wait; [`Error::Unavailable`] when the database can't be reached.
    pub async fn password_again(
        &self,
        user: &CurrentUser,
        proof: Proof,
        client: &Client,
    ) -> Result<Option<String>, Error> {
        let id = user.id;
        let attempt = self.throttle.password_again(&user.session.id, client).await?;
        let given = self.throttle.change(id).await?;
        let hash = self.db.run(move |conn| Ok(User::by_id(conn, id)?.password_hash)).await?;
        let verdict = self.passwords.verify(proof.password, Some(hash.clone()), Some(client)).await?;
        if verdict != Verdict::Wrong && self.has_right_code(user, proof.code, client).await? {
            attempt.succeeded().await;
            self.count_done(given, id, client).await;
            return Ok(Some(hash));
        }
        self.record_wrong_proof(user, attempt.failed().await, client).await?;
        Ok(None)
    }

    /// `throttled`: what the log says when the next tries have to wait.
    pub(super) async fn record_wrong_proof(
        &self,
        user: &CurrentUser,
        throttled: Option<String>,
        client: &Client,
    ) -> Result<(), Error> {
        self.record(user, EventKind::ConfirmationFailed, client).await?;
        match throttled {
            Some(detail) => self.write(user, event(user, EventKind::Throttled, client).detail(detail)).await,
            None => Ok(()),
        }
    }

    async fn has_right_code(&self, user: &CurrentUser, code: String, client: &Client) -> Result<bool, Error> {
        if !self.needs_code(user) {
            return Ok(true);
        }
        let (id, session) = (user.id, user.session.id.clone());
        let (keys, notices, client) = (Arc::clone(&self.second_factors), self.notices(), client.clone());
        let check = move |conn: &mut DbConnection| {
            let user = User::lock(conn, id)?;
            check_live(conn, &session)?;
            use_code(conn, &keys, &notices, &user, &code, &client)
        };
        let is_right = self.db.transaction(check).await?;
        self.outbox.send_soon();
        Ok(is_right)
    }

    /// Records that the right password was given for something that was then not done.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile; [`Error::Unavailable`] when the database can't be reached.
    pub async fn record_password_given(&self, user: &CurrentUser, client: &Client) -> Result<(), Error> {
        self.record(user, EventKind::Confirmed, client).await
    }

    /// Checks the password again before a sensitive action. If it is right, the session gets a new key, as at a sign-in.
    /// Returns whether it is right. While no code is needed because one was given recently, the password alone does not prolong that.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile; also as [`Self::password_again`].
    pub async fn confirm_password(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        proof: Proof,
        client: Client,
    ) -> Result<bool, Error> {
        // Before, since the time may be over meanwhile.
        let is_whole = !user.second_factor || self.needs_code(user);
        if self.password_again(user, proof, &client).await?.is_none() {
            return Ok(false);
        }
        let state_change = if is_whole { StateChange::Confirmed } else { StateChange::None };
        let confirmed = event(user, EventKind::Confirmed, &client);
        // A change of the password meanwhile has ended the session, unless this session made it.
        let record = move |conn: &mut DbConnection| confirmed.write(conn);
        self.sessions.change_and_rotate(req, state_change, record).await?;
        Ok(true)
    }

    async fn record(&self, user: &CurrentUser, kind: EventKind, client: &Client) -> Result<(), Error> {
        self.write(user, event(user, kind, client)).await
    }

    async fn write(&self, user: &CurrentUser, event: Event) -> Result<(), Error> {
        let session = user.session.id.clone();
        let record = move |conn: &mut DbConnection| {
            check_live(conn, &session)?;
            event.write(conn)
        };
        self.db.transaction(record).await
    }
}

fn event(user: &CurrentUser, kind: EventKind, client: &Client) -> Event {
    Event::new(kind, Some(user.id)).session(&user.session.id).from(Some(client))
}
