//! Forgotten passwords: a link by mail, for whoever has the address.

use std::sync::Arc;

use super::{
    letters::LinkMaker,
    link_requests::LinkRequest,
    password_links::{issue_and_mail, purpose_of},
    service::Accounts,
};
use crate::{
    clock::now,
    db::{Db, DbConnection},
    error::Error,
    events::{Event, EventKind, log},
    mail::Outbox,
    security::Client,
    users::User,
};

/// Most links that are mailed to an account within an hour: a stranger fills nobody's mailbox.
const MOST_AN_HOUR: i64 = 5;

impl Accounts {
    /// Mails a link for a new password to an address, if an active account has it. Neither the result nor the time that it takes
    /// says whether one does: both ways look the address up, and the rest is done afterwards.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many requests of one network; [`Error::Busy`] when too many others have just asked;
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn forgot_password(&self, email: String, client: Client) -> Result<(), Error> {
        self.count_forgotten(&client).await?;
        let place = self.link_requests.place()?;
        let user = self.db.run(move |conn| User::by_email(conn, &email)).await?.map(|user| user.id);
        place.send(LinkRequest::new(user, client));
        Ok(())
    }

    /// Makes the links that were asked for, one after the other, until [`Accounts::stop_links`]; then those that wait at once.
    pub async fn make_links(self) {
        let Some(mut requests) = self.link_requests.take_waiting() else { return };
        while let Some(LinkRequest { user, client, .. }) = self.link_requests.next(&mut requests).await {
            if let Some(user) = user {
                self.make_link(user, client).await;
            }
        }
    }

    /// Lets [`Accounts::make_links`] end.
    pub fn stop_links(&self) {
        self.link_requests.stop();
    }

    async fn make_link(&self, user: i64, client: Client) {
        let make = async |db: &Db| {
            let (outbox, client) = (Arc::clone(&self.outbox), client.clone());
            db.transaction(move |conn| write_link(conn, &outbox, user, &client)).await
        };
        match self.db.with_retries(make).await {
            Ok(()) => self.outbox.send_soon(),
            // The account was deleted a moment ago.
            Err(Error::NotFound) => {}
            Err(error) => {
                tracing::error!(user, error = ?error.causes(), "a link for a forgotten password could not be made");
            }
        }
    }
}

fn write_link(conn: &mut DbConnection, outbox: &Outbox, user: i64, client: &Client) -> Result<(), Error> {
    // The lock prevents a deactivation in between.
    let user = User::lock(conn, user)?;
    if !user.active {
        return Ok(());
    }
    let since = now().saturating_sub(time::Duration::HOUR);
    if log::count_since(conn, user.id, EventKind::ResetRequested, since, MOST_AN_HOUR)? >= MOST_AN_HOUR {
        tracing::info!(user = user.id, "no other link for a forgotten password is mailed within the hour");
        return Ok(());
    }
    Event::new(EventKind::ResetRequested, Some(user.id)).by(None).from(Some(client)).write(conn)?;
    let purpose = purpose_of(conn, user.id)?;
    issue_and_mail(conn, outbox, user, purpose, LinkMaker::Owner).map(drop)
}
