//! Passwords that are set without the old one: with a one-time link, by an invited user or one who forgot theirs, or by an
//! operator.

use super::{actor::Actor, service::Accounts};
use crate::{
    crypto::random_url_safe,
    db::DbConnection,
    error::Error,
    events::EventKind,
    security::Client,
    sessions::{
        EndOutcome, EndReason, Remarks, Target,
        catalogue::end::{self, Ended},
    },
    users::{
        NewUser, Role, User,
        tokens::{self, TokenPurpose},
    },
};

/// A one-time link that was issued.
pub struct Link {
    /// Whose it is.
    pub user: User,
    /// What the link holds.
    pub token: String,
    /// What it is for.
    pub purpose: TokenPurpose,
}

/// An account to be made for a user who will choose the password. Name and address have been checked.
pub struct NewInvitation {
    /// 1 to 100 characters.
    pub name: String,
    /// The address to sign in with.
    pub email: String,
    /// What the user may do.
    pub role: Role,
}

impl Accounts {
    /// Makes an account whose owner chooses the password with the link; until then no password fits. `None` when the address
    /// is taken.
    ///
    /// # Errors
    /// As [`Actor::check`].
    pub async fn invite(&self, new: NewInvitation, by: Actor) -> Result<Option<Link>, Error> {
        let new = NewUser {
            name: new.name.trim().to_owned(),
            email: new.email.trim().to_owned(),
            password_hash: self.passwords.hash_generated(random_url_safe::<32>()?).await?,
            role: new.role,
        };
        let invite = move |conn: &mut DbConnection| {
            by.check(conn)?;
            let id = User::new_id(conn)?;
            let user = User::create(conn, id, &new)?;
            by.event(EventKind::Invited, user.id, Some(new.role.name())).write(conn)?;
            let token = tokens::issue(conn, user.id, TokenPurpose::Invite)?;
            Ok(Link { user, token, purpose: TokenPurpose::Invite })
        };
        match self.db.transaction(invite).await {
            Ok(link) => Ok(Some(link)),
            Err(error) if error.is_unique_violation() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a new link: an invitation for a user who has not chosen a password yet, else one to replace the password, which
    /// stays valid until then. `None` for a deactivated account.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub async fn issue_link(&self, id: i64, by: Actor) -> Result<Option<Link>, Error> {
        let issue = move |conn: &mut DbConnection| {
            // The lock prevents a deactivation in between.
            let (user, _) = User::lock_with_administrators(conn, id)?;
            by.check(conn)?;
            if !user.active {
                return Ok(None);
            }
            let invited = !tokens::invited(conn, &[id])?.is_empty();
            let purpose = if invited { TokenPurpose::Invite } else { TokenPurpose::Reset };
            by.event(EventKind::ResetLinkMade, id, invited.then_some("invitation")).write(conn)?;
            let token = tokens::issue(conn, id, purpose)?;
            Ok(Some(Link { user, token, purpose }))
        };
        self.db.transaction(issue).await
    }

    /// The active user whose link this is, while it is valid, and what it is for.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many links that were not valid; [`Error::Unavailable`] when the database can't be read.
    pub async fn link_owner(
        &self,
        token: &str,
        client: &Client,
    ) -> Result<Option<(User, TokenPurpose)>, Error> {
        let token = token.to_owned();
        self.try_link(client, self.db.run(move |conn| tokens::owner(conn, &token))).await
    }

    /// Sets a password that an operator chose, and ends all sessions.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] when it is not good enough; [`Error::NotFound`] when there is no such account.
    pub async fn set_password(&self, id: i64, password: String, by: Actor) -> Result<EndOutcome, Error> {
        let user = self.db.run(move |conn| User::by_id(conn, id)).await?;
        let hash = self.hash_new(password, [&user.name, &user.email], None).await?;
        let in_store = self.sessions.has_entries();
        let set = move |conn: &mut DbConnection| {
            User::set_password(conn, id, &hash)?;
            Ok((User::by_id(conn, id)?.email, finish_reset(conn, id, &by, in_store)?))
        };
        let (email, ended) = self.db.transaction(set).await?;
        self.throttle.forget_account(&email).await;
        Ok(self.sessions.announce_and_delete(&ended).await)
    }

    /// Sets the password that the owner of a link chose, uses the link up, and ends all sessions. `None` when the link is not
    /// valid: of two requests that use it at once, one gets that.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] when the password is not good enough, after which the link is still good; [`Error::Busy`] when too
    /// many passwords wait; [`Error::Unavailable`] when the database can't be reached.
    pub async fn choose_password(
        &self,
        token: String,
        password: String,
        client: Client,
    ) -> Result<Option<EndOutcome>, Error> {
        let Some((user, _)) = self.link_owner(&token, &client).await? else { return Ok(None) };
        let hash = self.hash_new(password, [&user.name, &user.email], Some(&client)).await?;
        let in_store = self.sessions.has_entries();
        let choose = move |conn: &mut DbConnection| {
            let (user, _) = tokens::owner(conn, &token)?.ok_or(Error::NotFound)?;
            User::lock(conn, user.id)?;
            // Another request may have used or withdrawn the link before the lock.
            tokens::owner(conn, &token)?.ok_or(Error::NotFound)?;
            User::set_password(conn, user.id, &hash)?;
            let ended = finish_reset(conn, user.id, &Actor::link_owner(user.id, client), in_store)?;
            Ok((user.email, ended))
        };
        match self.db.transaction(choose).await {
            Ok((email, ended)) => {
                self.throttle.forget_account(&email).await;
                Ok(Some(self.sessions.announce_and_delete(&ended).await))
            }
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn finish_reset(conn: &mut DbConnection, id: i64, by: &Actor, in_store: bool) -> Result<Vec<Ended>, Error> {
    by.event(EventKind::PasswordReset, id, None).write(conn)?;
    let request = by.end_request(EndReason::PasswordChanged, Remarks::default());
    end::end(conn, &Target::AllOf { user: id }, &request, in_store)
}
