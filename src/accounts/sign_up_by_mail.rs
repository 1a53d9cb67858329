//! Registering where the address has to be confirmed first (`EMAIL_CONFIRMATION=required`): the answer is the same whether or not
//! there is an account with the address, and whoever has the address gets a mail.

use std::sync::Arc;

use super::{
    address_letters::{self, ConfirmReason, TriedFor},
    email_change::{Holder, record_tried, write_confirmation},
    letters::LinkMaker,
    password_links::{issue_and_mail, purpose_of},
    service::Accounts,
};
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    mail::Outbox,
    security::Client,
    users::{
        NewUser, User,
        tokens::{self, TokenPurpose},
    },
};

impl Accounts {
    /// Makes an account that nobody can sign in to before its address is confirmed, or tells whoever has the address. Both ways hash the
    /// password, and take one transaction with one mail.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached.
    pub(super) async fn sign_up_by_mail(&self, new: NewUser, client: Client) -> Result<(), Error> {
        let new = Arc::new(new);
        let register = async || {
            let (new, outbox, client) = (Arc::clone(&new), Arc::clone(&self.outbox), client.clone());
            self.db.transaction(move |conn| register(conn, &outbox, &new, &client)).await
        };
        match register().await {
            // Somebody else has registered with it at the same time, whom the next try finds.
            Err(Error::AddressTaken) => register().await?,
            result => result?,
        }
        self.outbox.send_soon();
        Ok(())
    }
}

fn register(conn: &mut DbConnection, outbox: &Outbox, new: &NewUser, client: &Client) -> Result<(), Error> {
    if let Some(holder) = Holder::find(conn, &new.email, None)? {
        return tell(conn, outbox, holder, &new.email, client);
    }
    let id = User::new_id(conn)?;
    let user = User::create(conn, id, new)?;
    Event::new(EventKind::Registered, Some(id)).from(Some(client)).write(conn)?;
    write_confirmation(conn, outbox, &user, ConfirmReason::Registered)
}

/// Tells whoever has the address. Nobody knows who has made an account whose address is unconfirmed: with the link in the mail, its
/// password is replaced.
fn tell(
    conn: &mut DbConnection,
    outbox: &Outbox,
    holder: Holder,
    email: &str,
    client: &Client,
) -> Result<(), Error> {
    let user = match holder {
        Holder::Account(user) => user,
        Holder::Former(user) => {
            record_tried(conn, &user, client)?;
            return outbox
                .write(conn, &address_letters::tried_former(outbox, &user, email, TriedFor::Registration));
        }
    };
    record_tried(conn, &user, client)?;
    if user.email_confirmed_at.is_some() || !user.active {
        return outbox.write(conn, &address_letters::tried(outbox, &user, TriedFor::Registration));
    }
    match purpose_of(conn, user.id)? {
        TokenPurpose::Invite => {
            issue_and_mail(conn, outbox, user, TokenPurpose::Invite, LinkMaker::Owner).map(drop)
        }
        purpose => {
            let token = tokens::issue(conn, user.id, purpose)?;
            outbox.write(conn, &address_letters::tried_unconfirmed(outbox, &user, &token))
        }
    }
}
