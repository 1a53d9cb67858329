//! Another address for one's account, and links that prove an address.

use std::sync::Arc;

use super::{
    address_letters::{self, ConfirmReason, TriedFor},
    changes::check_live,
    service::Accounts,
};
use crate::{
    config::mail_address,
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    mail::Outbox,
    security::Client,
    sessions::CurrentUser,
    users::{Address, User, address_tokens, email_key},
};

/// What became of a request for another address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailChange {
    /// A mail is on its way to the address: with a link, or to whoever has an account with it. Nothing tells which.
    Asked,
    /// It is the address of the account.
    Same,
}

impl Accounts {
    /// Asks for another address, which counts once its owner has confirmed it with the link that is mailed there. It takes the place
    /// of one that was asked for before. `email` has been checked; `proven` is the hash that [`Accounts::password_again`] returned.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many such mails; [`Error::SignInFirst`] when the session ended or the password was changed
    /// meanwhile.
    pub async fn ask_email_change(
        &self,
        user: &CurrentUser,
        proven: String,
        email: &str,
        client: Client,
    ) -> Result<EmailChange, Error> {
        let address = Address::parse(email).ok_or(Error::NotFound)?;
        if address.key == email_key(&user.email) {
            return Ok(EmailChange::Same);
        }
        self.count_address_mail(user.id, &address.key, &client).await?;
        let (id, session, outbox) = (user.id, user.session.id.clone(), Arc::clone(&self.outbox));
        let ask = move |conn: &mut DbConnection| {
            let user = User::lock(conn, id)?;
            check_live(conn, &session)?;
            // What was proven must still be so.
            if user.password_hash != proven {
                return Err(Error::SignInFirst);
            }
            User::set_pending_email(conn, id, Some(&address.shown))?;
            write_change_mail(conn, &outbox, &user, &address.shown, &session, &client)
        };
        self.db.transaction(ask).await?;
        self.outbox.send_soon();
        Ok(EmailChange::Asked)
    }

    /// Mails the link to the address that waits to be confirmed once more. Returns whether one waits.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many such mails; [`Error::SignInFirst`] when the session ended meanwhile.
    pub async fn ask_email_change_again(&self, user: &CurrentUser, client: Client) -> Result<bool, Error> {
        let Some(email) = &user.pending_email else { return Ok(false) };
        self.count_address_mail(user.id, email, &client).await?;
        let (id, session, outbox) = (user.id, user.session.id.clone(), Arc::clone(&self.outbox));
        let ask = move |conn: &mut DbConnection| {
            let user = User::lock(conn, id)?;
            check_live(conn, &session)?;
            let Some(email) = user.pending_email.clone() else { return Ok(false) };
            write_change_mail(conn, &outbox, &user, &email, &session, &client)?;
            Ok(true)
        };
        let asked = self.db.transaction(ask).await?;
        self.outbox.send_soon();
        Ok(asked)
    }

    /// Withdraws the change of the address that waits to be confirmed. Returns whether one waited.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile.
    pub async fn withdraw_email_change(&self, user: &CurrentUser, client: Client) -> Result<bool, Error> {
        let (id, session) = (user.id, user.session.id.clone());
        let withdraw = move |conn: &mut DbConnection| {
            let user = User::lock(conn, id)?;
            check_live(conn, &session)?;
            if user.pending_email.is_none() {
                return Ok(false);
            }
            User::set_pending_email(conn, id, None)?;
            let event = Event::new(EventKind::EmailChangeWithdrawn, Some(id)).session(&session);
            event.from(Some(&client)).write(conn)?;
            Ok(true)
        };
        self.db.transaction(withdraw).await
    }

    /// Mails a link that proves the address that the account has, to whoever has just given its password or is signed in. Returns
    /// whether the address was still unconfirmed.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many such mails; [`Error::BadRequest`] when no mail can be sent to the address.
    pub async fn send_confirmation(&self, id: i64, email: &str, client: Client) -> Result<bool, Error> {
        if mail_address(email).is_none() {
            let why = "No mail can be sent to the address of this account. Ask an administrator for a link to choose a password.";
            return Err(Error::BadRequest(why.to_owned()));
        }
        self.count_address_mail(id, email, &client).await?;
        let outbox = Arc::clone(&self.outbox);
        let send = move |conn: &mut DbConnection| {
            let user = User::lock(conn, id)?;
            if user.email_confirmed_at.is_some() || !user.active {
                return Ok(false);
            }
            Event::new(EventKind::EmailConfirmationAsked, Some(id)).from(Some(&client)).write(conn)?;
            write_confirmation(conn, &outbox, &user, ConfirmReason::Asked)?;
            Ok(true)
        };
        let sent = self.db.transaction(send).await?;
        self.outbox.send_soon();
        Ok(sent)
    }
}

/// Writes the mail with a link that proves the address that the account has.
pub(super) fn write_confirmation(
    conn: &mut DbConnection,
    outbox: &Outbox,
    user: &User,
    reason: ConfirmReason,
) -> Result<(), Error> {
    let token = address_tokens::issue_confirmation(conn, user.id, &user.email)?;
    outbox.write(conn, &address_letters::confirm(outbox, user, &user.email, &token, reason))
}

/// Writes the mail with a link that proves the address that is to take the place of the account's. Where somebody else has the
/// address, they get a mail instead; the link is made all the same, so that nothing tells.
fn write_change_mail(
    conn: &mut DbConnection,
    outbox: &Outbox,
    user: &User,
    email: &str,
    session: &str,
    client: &Client,
) -> Result<(), Error> {
    let event = Event::new(EventKind::EmailChangeAsked, Some(user.id)).session(session);
    event.from(Some(client)).write(conn)?;
    let token = address_tokens::issue_confirmation(conn, user.id, email)?;
    let letter = match Holder::find(conn, email, Some(user.id))? {
        None => address_letters::confirm(outbox, user, email, &token, ConfirmReason::Change),
        Some(Holder::Account(holder)) => {
            record_tried(conn, &holder, client)?;
            address_letters::tried(outbox, &holder, TriedFor::Change)
        }
        Some(Holder::Former(holder)) => {
            record_tried(conn, &holder, client)?;
            address_letters::tried_former(outbox, &holder, email, TriedFor::Change)
        }
    };
    outbox.write(conn, &letter)
}

/// Who keeps an address from others.
pub(super) enum Holder {
    /// The user who has it.
    Account(User),
    /// A user who has had it and can have it back.
    Former(User),
}

impl Holder {
    /// Who keeps an address from everybody but `own`.
    pub(super) fn find(
        conn: &mut DbConnection,
        email: &str,
        own: Option<i64>,
    ) -> Result<Option<Self>, Error> {
        if let Some(user) = User::by_email(conn, email)?.filter(|user| Some(user.id) != own) {
            return Ok(Some(Self::Account(user)));
        }
        let former = address_tokens::former_owner(conn, &email_key(email), own)?;
        former.map(|id| User::by_id(conn, id).map(Self::Former)).transpose()
    }
}

/// Records in the log of an account that somebody has typed its address for another one.
pub(super) fn record_tried(conn: &mut DbConnection, holder: &User, client: &Client) -> Result<(), Error> {
    Event::new(EventKind::AddressTried, Some(holder.id)).by(None).from(Some(client)).write(conn)
}
