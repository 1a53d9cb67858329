//! The password once more: the one way in which the password of somebody who is signed in is checked.

use actix_web::HttpRequest;

use super::{changes::check_live, service::Accounts};
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::{CurrentUser, StateChange},
    users::{User, password::Verdict},
};

impl Accounts {
    /// Checks the password of whoever is signed in. Returns the hash that it fits, which a change must still find; `None`: it is
    /// wrong, which is recorded. Who acts on a right one records what was done; otherwise there is
    /// [`Self::record_password_given`].
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many, wrong or right; [`Error::SignInFirst`] when the session ended meanwhile; [`Error::Busy`]
    /// when too many checks wait; [`Error::Unavailable`] when the database can't be reached.
    pub async fn password_again(
        &self,
        user: &CurrentUser,
        password: String,
        client: &Client,
    ) -> Result<Option<String>, Error> {
        let id = user.id;
        let attempt = self.throttle.password_again(&user.session.id, client).await?;
        let given = self.throttle.change(id).await?;
        let hash = self.db.run(move |conn| Ok(User::by_id(conn, id)?.password_hash)).await?;
        if self.passwords.verify(password, Some(hash.clone()), Some(client)).await? != Verdict::Wrong {
            attempt.succeeded().await;
            self.count_done(given, id, client).await;
            return Ok(Some(hash));
        }
        let throttled = attempt.failed().await;
        self.record(user, EventKind::ConfirmationFailed, client).await?;
        if let Some(detail) = throttled {
            self.write(user, event(user, EventKind::Throttled, client).detail(detail)).await?;
        }
        Ok(None)
    }

    /// Records that the right password was given for something that was then not done.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile; [`Error::Unavailable`] when the database can't be reached.
    pub async fn record_password_given(&self, user: &CurrentUser, client: &Client) -> Result<(), Error> {
        self.record(user, EventKind::Confirmed, client).await
    }

    /// Checks the password again before a sensitive action. If it is right, the session gets a new key, as at a sign-in.
    /// Returns whether it is right.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile; also as [`Self::password_again`].
    pub async fn confirm_password(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        password: String,
        client: Client,
    ) -> Result<bool, Error> {
        if self.password_again(user, password, &client).await?.is_none() {
            return Ok(false);
        }
        let confirmed = event(user, EventKind::Confirmed, &client);
        // A change of the password meanwhile has ended the session, unless this session made it.
        let record = move |conn: &mut DbConnection| confirmed.write(conn);
        self.sessions.change_and_rotate(req, StateChange::Confirmed, record).await?;
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
