//! Passwords that are set without the old one: with a one-time link, by an invited user or one who forgot theirs, or by an
//! operator.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::{
    actor::Actor,
    letters::{self, LinkMaker},
    notice_letters::NewAdministrator,
    service::Accounts,
};
use crate::{
    crypto::random_url_safe,
    db::DbConnection,
    error::Error,
    events::EventKind,
    mail::Outbox,
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
    /// Makes an account whose owner chooses the password with the link, which is mailed to them; until then no password fits.
    /// `None` when the address is taken.
    ///
    /// # Errors
    /// As [`Actor::check`].
    pub async fn invite(&self, new: NewInvitation, by: Actor) -> Result<Option<Link>, Error> {
        let new = NewUser {
            name: new.name.trim().to_owned(),
            email: new.email.trim().to_owned(),
            password_hash: self.passwords.hash_generated(random_url_safe::<32>()?).await?,
            role: new.role,
            email_confirmed: false,
        };
        let (outbox, notices) = (Arc::clone(&self.outbox), self.notices());
        let invite = move |conn: &mut DbConnection| {
            by.check(conn)?;
            let id = User::new_id(conn)?;
            let user = User::create(conn, id, &new)?;
            by.event(EventKind::Invited, user.id, Some(new.role.name())).write(conn)?;
            if new.role == Role::Admin {
                notices.administrator_made(conn, &user, NewAdministrator::Invited, &by)?;
            }
            issue_and_mail(conn, &outbox, user, TokenPurpose::Invite, LinkMaker::Administrator)
        };
        match self.db.transaction(invite).await {
            Ok(link) => {
                self.outbox.send_soon();
                Ok(Some(link))
            }
            Err(Error::AddressTaken) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a new link and mails it: an invitation for a user who has not chosen a password yet, else one to replace the
    /// password, which stays valid until then. `None` for a deactivated account.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub async fn issue_link(&self, id: i64, by: Actor) -> Result<Option<Link>, Error> {
        let outbox = Arc::clone(&self.outbox);
        let issue = move |conn: &mut DbConnection| {
            // The lock prevents a deactivation in between.
            let (user, _) = User::lock_with_administrators(conn, id)?;
            by.check(conn)?;
            if !user.active {
                return Ok(None);
            }
            let purpose = purpose_of(conn, id)?;
            let detail = (purpose == TokenPurpose::Invite).then_some("invitation");
            by.event(EventKind::ResetLinkMade, id, detail).write(conn)?;
            issue_and_mail(conn, &outbox, user, purpose, LinkMaker::Administrator).map(Some)
        };
        let link = self.db.transaction(issue).await?;
        self.outbox.send_soon();
        Ok(link)
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

    /// Sets a password that an operator chose, ends all sessions, and tells the address of the account.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] when it is not good enough; [`Error::NotFound`] when there is no such account.
    pub async fn set_password(&self, id: i64, password: String, by: Actor) -> Result<EndOutcome, Error> {
        let user = self.db.run(move |conn| User::by_id(conn, id)).await?;
        let hash = self.hash_new(password, [&user.name, &user.email], None).await?;
        let in_store = self.sessions.has_entries();
        let outbox = Arc::clone(&self.outbox);
        let set = move |conn: &mut DbConnection| {
            User::set_password(conn, id, &hash)?;
            outbox.write(conn, &letters::password_set(&outbox, &user, &by))?;
            finish_reset(conn, id, &by, in_store)
        };
        let ended = self.db.transaction(set).await?;
        self.outbox.send_soon();
        self.throttle.forget_account(id).await;
        Ok(self.sessions.announce_and_delete(&ended).await)
    }

    /// Sets the password that the owner of a link chose, uses the link up, ends all sessions, and tells the address of the account
    /// if there was a password before. The browser is known for the account from then on. `None` when the link is not valid: of two
    /// requests that use it at once, one gets that.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] when the password is not good enough, after which the link is still good; [`Error::Busy`] when too
    /// many passwords wait; [`Error::Unavailable`] when the database can't be reached.
    pub async fn choose_password(
        &self,
        req: &HttpRequest,
        token: String,
        password: String,
        client: Client,
    ) -> Result<Option<EndOutcome>, Error> {
        let Some((user, _)) = self.link_owner(&token, &client).await? else { return Ok(None) };
        let hash = self.hash_new(password, [&user.name, &user.email], Some(&client)).await?;
        let in_store = self.sessions.has_entries();
        let outbox = Arc::clone(&self.outbox);
        let choose = move |conn: &mut DbConnection| {
            User::lock(conn, user.id)?;
            // Another request may have used or withdrawn the link before the lock.
            let (user, purpose) = tokens::owner(conn, &token)?.ok_or(Error::NotFound)?;
            User::set_password(conn, user.id, &hash)?;
            let by = Actor::owner(user.id, client);
            // The link came to the address by mail, and a change of the address would have withdrawn it.
            if User::confirm_email(conn, user.id)? {
                by.event(EventKind::EmailConfirmed, user.id, Some("with the link to choose a password"))
                    .write(conn)?;
            }
            if purpose == TokenPurpose::Reset {
                outbox.write(conn, &letters::password_set(&outbox, &user, &by))?;
            }
            let ended = finish_reset(conn, user.id, &by, in_store)?;
            Ok((user.id, user.session_epoch + 1, ended))
        };
        match self.db.transaction(choose).await {
            Ok((id, epoch, ended)) => {
                self.outbox.send_soon();
                self.throttle.forget_account(id).await;
                self.throttle.remember_browser(req, id, epoch)?;
                Ok(Some(self.sessions.announce_and_delete(&ended).await))
            }
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What a link for this user is for: whoever was invited has no password yet that it could replace.
pub(super) fn purpose_of(conn: &mut DbConnection, user: i64) -> Result<TokenPurpose, Error> {
    let invited = !tokens::invited(conn, &[user])?.is_empty();
    Ok(if invited { TokenPurpose::Invite } else { TokenPurpose::Reset })
}

/// Issues a link, which replaces earlier ones of its purpose, and writes the mail with it.
pub(super) fn issue_and_mail(
    conn: &mut DbConnection,
    outbox: &Outbox,
    user: User,
    purpose: TokenPurpose,
    by: LinkMaker,
) -> Result<Link, Error> {
    let token = tokens::issue(conn, user.id, purpose)?;
    outbox.write(conn, &letters::link(outbox, &user, &token, purpose, by))?;
    Ok(Link { user, token, purpose })
}

fn finish_reset(conn: &mut DbConnection, id: i64, by: &Actor, in_store: bool) -> Result<Vec<Ended>, Error> {
    by.event(EventKind::PasswordReset, id, None).write(conn)?;
    let request = by.end_request(EndReason::PasswordChanged, Remarks::default());
    end::end(conn, &Target::AllOf { user: id }, &request, in_store)
}
