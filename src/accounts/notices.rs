//! Notices: mails that tell people what happened to their accounts, each with what, where, when, and what to do. `NOTICES=off` leaves
//! them out.

use std::sync::Arc;

use super::{
    actor::Actor,
    notice_letters::{self as letters, NewAdministrator, SessionsAfter},
    service::Accounts,
    stolen_key::StolenKey,
    stolen_key_letters,
};
use crate::{
    db::DbConnection,
    error::Error,
    mail::{Letter, Outbox},
    security::Client,
    users::User,
};

/// Writes notices, each inside the transaction of what it tells. After it `Outbox::send_soon` is to be called.
#[derive(Clone)]
pub(super) struct Notices(Option<Arc<Outbox>>);

impl Accounts {
    /// The notices of this site.
    pub(super) fn notices(&self) -> Notices {
        Notices(self.rules.notices.then(|| Arc::clone(&self.outbox)))
    }
}

impl Notices {
    /// Whether any are written.
    pub(super) fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// Tells of a sign-in from a new browser. `token`: of the link to its session.
    pub(super) fn new_browser(
        &self,
        conn: &mut DbConnection,
        user: &User,
        token: &str,
        client: &Client,
    ) -> Result<(), Error> {
        self.write(conn, |outbox| letters::new_browser(outbox, user, token, client))
    }

    /// Tells that the password was changed by somebody who knew the old one.
    pub(super) fn password_changed(
        &self,
        conn: &mut DbConnection,
        user: i64,
        client: &Client,
    ) -> Result<(), Error> {
        if !self.are_on() {
            return Ok(());
        }
        let user = User::by_id(conn, user)?;
        self.write(conn, |outbox| letters::password_changed(outbox, &user, client))
    }

    /// Tells that a recovery code was used; `left`: how many the user has now.
    pub(super) fn recovery_code_used(
        &self,
        conn: &mut DbConnection,
        user: &User,
        left: i64,
        client: &Client,
    ) -> Result<(), Error> {
        self.write(conn, |outbox| letters::recovery_code_used(outbox, user, left, client))
    }

    /// Tells that a passkey was refused, which seems to have been copied.
    pub(super) fn passkey_cloned(
        &self,
        conn: &mut DbConnection,
        user: &User,
        client: &Client,
    ) -> Result<(), Error> {
        self.write(conn, |outbox| letters::passkey_cloned(outbox, user, client))
    }

    /// Tells a person that somebody else has presented a key of a session of theirs; `administrators`: and those, too. `ended`: whether all
    /// sessions of the person have ended with it.
    pub(super) fn stolen_key_used(
        &self,
        conn: &mut DbConnection,
        user: &User,
        stolen: &StolenKey,
        ended: bool,
        administrators: bool,
    ) -> Result<(), Error> {
        self.write(conn, |outbox| stolen_key_letters::to_owner(outbox, user, stolen, ended))?;
        if !administrators {
            return Ok(());
        }
        for to in &User::administrators_but(conn, user.id)? {
            self.write(conn, |outbox| stolen_key_letters::to_administrator(outbox, to, user, stolen, ended))?;
        }
        Ok(())
    }

    /// Tells of a change of the second factor of a user. `what`: what was done, such as "An authenticator app was set up for".
    pub(super) fn second_factor_changed(
        &self,
        conn: &mut DbConnection,
        user: &User,
        what: &str,
        sessions: SessionsAfter,
        by: &Actor,
    ) -> Result<(), Error> {
        if !self.are_on() {
            return Ok(());
        }
        self.write(conn, |outbox| letters::second_factor_changed(outbox, user, what, sessions, by))
    }

    /// Tells that an administrator, whom it does not name, removed the second factor of a user. `message`: why.
    pub(super) fn second_factor_reset(
        &self,
        conn: &mut DbConnection,
        user: &User,
        message: Option<&str>,
    ) -> Result<(), Error> {
        self.write(conn, |outbox| letters::second_factor_reset(outbox, user, message))
    }

    /// Tells that the account, which is deleted with this transaction, is gone.
    pub(super) fn account_deleted(
        &self,
        conn: &mut DbConnection,
        user: &User,
        client: &Client,
    ) -> Result<(), Error> {
        self.write(conn, |outbox| Letter { user: None, ..letters::account_deleted(outbox, user, client) })
    }

    /// Tells all other active administrators that somebody was made one, also whoever has done it: it may have been done in their
    /// name.
    pub(super) fn administrator_made(
        &self,
        conn: &mut DbConnection,
        new: &User,
        how: NewAdministrator,
        by: &Actor,
    ) -> Result<(), Error> {
        if !self.are_on() {
            return Ok(());
        }
        let others = User::administrators_but(conn, new.id)?;
        let maker = others.iter().find(|other| Some(other.id) == by.user);
        let done_by = match maker {
            Some(maker) => format!("by {}", letters::named(maker)),
            None => "on the command line of the server".to_owned(),
        };
        for other in &others {
            self.write(conn, |outbox| letters::administrator_made(outbox, other, new, how, &done_by, by))?;
        }
        Ok(())
    }

    fn write(&self, conn: &mut DbConnection, letter: impl FnOnce(&Outbox) -> Letter) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |outbox| outbox.write(conn, &letter(outbox)))
    }
}
