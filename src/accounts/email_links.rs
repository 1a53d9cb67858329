//! What the links about addresses do: an address is confirmed, takes the place of another one, or is given back.

use std::sync::Arc;

use super::{actor::Actor, address_letters, service::Accounts};
use crate::{
    crypto::random_url_safe,
    db::DbConnection,
    error::Error,
    events::EventKind,
    security::Client,
    sessions::{EndOutcome, EndReason, Remarks, Target, catalogue::end},
    users::{
        User,
        address_links::{self, AddressLink},
        address_tokens::{self, AddressPurpose},
        tokens::{self, TokenPurpose},
    },
};

/// What became of a link that proves an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailConfirmed {
    /// The address of this user is confirmed.
    Confirmed(i64),
    /// It has taken the place of the address that this user had, whose `session_epoch` is now this.
    Changed(i64, i64),
    /// Another account has the address by now, or can have it back; nothing was changed.
    Taken,
    /// The link is not valid.
    Invalid,
}

/// An address was given back.
pub struct EmailGivenBack {
    /// Whose.
    pub user: i64,
    /// The token with which they choose a password: the one that the account had is void.
    pub token: String,
    /// The sessions that ended.
    pub ended: EndOutcome,
}

impl Accounts {
    /// What a link about an address is good for.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many links that were not valid; [`Error::Unavailable`] when the database can't be read.
    pub async fn address_link(
        &self,
        token: &str,
        purpose: AddressPurpose,
        client: &Client,
    ) -> Result<Option<AddressLink>, Error> {
        let token = token.to_owned();
        self.try_link(client, self.db.run(move |conn| address_links::find(conn, &token, purpose))).await
    }

    /// Uses a link that proves an address. If it is the one that is to take the place of the account's, it does: links for new passwords
    /// are withdrawn, all sessions rotate their keys, and the earlier address is told, with a link that gives it back.
    ///
    /// # Errors
    /// As [`Accounts::address_link`].
    pub async fn confirm_email(&self, token: String, client: Client) -> Result<EmailConfirmed, Error> {
        if self.address_link(&token, AddressPurpose::Confirm, &client).await?.is_none() {
            return Ok(EmailConfirmed::Invalid);
        }
        let outbox = Arc::clone(&self.outbox);
        let confirm = move |conn: &mut DbConnection| {
            let link = lock(conn, &token, AddressPurpose::Confirm)?;
            let (user, by) = (&link.user, Actor::owner(link.user.id, client.clone()));
            link.use_up(conn)?;
            if !link.changes_address() {
                if User::confirm_email(conn, user.id)? {
                    by.event(EventKind::EmailConfirmed, user.id, None).write(conn)?;
                }
                return Ok(EmailConfirmed::Confirmed(user.id));
            }
            let undo = address_tokens::issue_undo(conn, user.id, &user.email, &user.email_key)?;
            let epoch = User::set_email(conn, user, &link.address)?;
            by.event(EventKind::EmailChanged, user.id, None).write(conn)?;
            outbox.write(conn, &address_letters::changed(&outbox, user, &undo, &client))?;
            Ok(EmailConfirmed::Changed(user.id, epoch))
        };
        match self.db.transaction(confirm).await {
            Ok(confirmed) => {
                self.outbox.send_soon();
                self.sessions.bus().accounts_changed();
                Ok(confirmed)
            }
            Err(Error::AddressTaken) => Ok(EmailConfirmed::Taken),
            Err(Error::NotFound) => Ok(EmailConfirmed::Invalid),
            Err(error) => Err(error),
        }
    }

    /// Gives an account back the address that it had before: ends all sessions, makes the password void, which somebody else may
    /// know, and returns a token with which the owner of the address chooses another. `None`: the link is not valid.
    ///
    /// # Errors
    /// As [`Accounts::address_link`]; [`Error::Busy`] when too many passwords wait.
    pub async fn undo_email_change(
        &self,
        token: String,
        client: Client,
    ) -> Result<Option<EmailGivenBack>, Error> {
        if self.address_link(&token, AddressPurpose::Undo, &client).await?.is_none() {
            return Ok(None);
        }
        let void = self.passwords.hash_generated(random_url_safe::<32>()?).await?;
        let (in_store, outbox) = (self.sessions.has_entries(), Arc::clone(&self.outbox));
        let undo = move |conn: &mut DbConnection| {
            let link = lock(conn, &token, AddressPurpose::Undo)?;
            let (user, by) = (&link.user, Actor::owner(link.user.id, client.clone()));
            link.use_up_with_later_ones(conn)?;
            User::set_email(conn, user, &link.address)?;
            User::set_password(conn, user.id, &void)?;
            let token = tokens::issue(conn, user.id, TokenPurpose::Reset)?;
            by.event(EventKind::EmailChangeUndone, user.id, None).write(conn)?;
            if link.changes_address() {
                outbox.write(conn, &address_letters::given_back(&outbox, user, &client))?;
            }
            let request = by.end_request(EndReason::PasswordChanged, Remarks::default());
            let ended = end::end(conn, &Target::AllOf { user: user.id }, &request, in_store)?;
            Ok((user.id, token, ended))
        };
        match self.db.transaction(undo).await {
            Ok((user, token, ended)) => {
                self.outbox.send_soon();
                self.throttle.forget_account(user).await;
                let ended = self.sessions.announce_and_delete(&ended).await;
                Ok(Some(EmailGivenBack { user, token, ended }))
            }
            // An account from before whose address another one has in another form.
            Err(Error::NotFound | Error::AddressTaken) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The link, read while its user's row is locked: another request may have used or withdrawn it before the lock.
fn lock(conn: &mut DbConnection, token: &str, purpose: AddressPurpose) -> Result<AddressLink, Error> {
    let link = address_links::find(conn, token, purpose)?.ok_or(Error::NotFound)?;
    User::lock(conn, link.user.id)?;
    address_links::find(conn, token, purpose)?.ok_or(Error::NotFound)
}
