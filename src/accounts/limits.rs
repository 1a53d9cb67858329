//! Limits of what visitors may do and try: registrations, and links that are not valid.

use std::{future::Future, sync::Arc};

use super::service::Accounts;
use crate::{
    error::Error,
    events::{Event, EventKind},
    security::Client,
};

impl Accounts {
    /// Counts a registration, whatever becomes of it: its answer tells whether an address has an account.
    pub(super) async fn count_registration(&self, client: &Client) -> Result<(), Error> {
        let throttled = self.throttle.registration(client).await?.failed().await;
        self.record_throttled(throttled, client).await
    }

    /// Counts a request of a link for a forgotten password: whatever becomes of it, somebody may get a mail.
    pub(super) async fn count_forgotten(&self, client: &Client) -> Result<(), Error> {
        let throttled = self.throttle.forgotten(client).await?.failed().await;
        self.record_throttled(throttled, client).await
    }

    /// Looks a one-time link up. One that leads nowhere counts, and one that is valid is good whatever others in the network try:
    /// nobody can guess it.
    pub(super) async fn try_link<T>(
        &self,
        client: &Client,
        find: impl Future<Output = Result<Option<T>, Error>>,
    ) -> Result<Option<T>, Error> {
        let found = find.await?;
        if found.is_none() {
            let throttled = self.throttle.link(client).await?.failed().await;
            self.record_throttled(throttled, client).await?;
        }
        Ok(found)
    }

    /// Records that the clients of a network have to wait from now on, whoever they are.
    async fn record_throttled(&self, throttled: Option<String>, client: &Client) -> Result<(), Error> {
        let Some(detail) = throttled else { return Ok(()) };
        let event = Event::new(EventKind::Throttled, None).from(Some(client)).detail(detail);
        let sums = Arc::clone(&self.event_sums);
        self.db.run(move |conn| sums.write(conn, event)).await
    }
}
