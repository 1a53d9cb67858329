//! Limits of what visitors and users may do and try: registrations, links that are not valid, and what adds to the security log.

use std::{future::Future, sync::Arc};

use super::service::Accounts;
use crate::{
    error::Error,
    events::{Event, EventKind},
    security::Client,
    throttle::Attempt,
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

    /// Counts what a user has done that is recorded each time. It is done, so what fails here is only logged.
    pub(super) async fn count_done(&self, attempt: Attempt, user: i64, client: &Client) {
        let Some(detail) = attempt.failed().await else { return };
        let event = Event::new(EventKind::Throttled, Some(user)).from(Some(client)).detail(detail);
        if let Err(error) = self.db.run(move |conn| event.write(conn)).await {
            tracing::warn!(user, error = ?error.causes(), "that a user has to wait from now on was not recorded");
        }
    }

    /// Counts a registration after which a mail goes to the address.
    pub(super) async fn count_registration_by_mail(&self, email: &str, client: &Client) -> Result<(), Error> {
        let throttled = self.throttle.registration_by_mail(email, client).await?.failed().await;
        self.record_throttled(throttled, client).await
    }

    /// Counts a mail to confirm an address that a user has asked for.
    pub(super) async fn count_address_mail(
        &self,
        user: i64,
        email: &str,
        client: &Client,
    ) -> Result<(), Error> {
        let throttled = self.throttle.address_mail(user, email, client).await?.failed().await;
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
