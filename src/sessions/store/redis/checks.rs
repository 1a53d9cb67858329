//! What has to be sure: that Redis does what sign-ins need, and that an entry is really gone.

use std::time::Duration;

use actix_web::cookie::time::Duration as CookieDuration;

use super::{actix_store::save, client::Redis, failure::Failure};
use crate::{
    error::Error,
    sessions::store::{key::PROBE, state::State},
};

/// How soon a node of a cluster that was frozen has heard that another one has its keys.
const HEARS_WITHIN: Duration = Duration::from_millis(50);

impl Redis {
    /// Does what a sign-in does, over the connections that sign-ins use: creates an entry, and reads it. Of a cluster, all nodes have
    /// to answer: sign-ins need each of them.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis refuses one of them or doesn't answer in time.
    pub async fn check(&self) -> Result<(), Error> {
        if self.servers.is_cluster() {
            self.masters().await?;
            self.put_all(&[(PROBE, "{}".to_owned(), time::Duration::SECOND)]).await?;
        } else {
            let second = CookieDuration::seconds(1);
            self.call_actix_store(async |actix| save(&actix.probe, State::new(), second).await).await?;
        }
        self.ping().await?;
        // It expires anyway.
        drop(self.delete(PROBE).await);
        Ok(())
    }

    /// Reads something. Where it says that an entry is gone it is read again if the server that said so may not be the master any
    /// more: one that was frozen while another took over goes on as before for a while, and does not have what the other got.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis doesn't answer in time, or is not known to be the master.
    pub(super) async fn read_twice_if<T>(
        &self,
        is_gone: impl Fn(&T) -> bool,
        read: impl AsyncFn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let answer = read().await?;
        if !is_gone(&answer) {
            return Ok(answer);
        }
        if self.servers.is_cluster() {
            tokio::time::sleep(HEARS_WITHIN).await;
        } else if self.servers.has_sentinels() {
            // Where no sentinel answers there is no failover either, which most of them have to agree on.
            if let Ok(Some(master)) = self.servers.master().await
                && !self.links.keep_those_to(&master)
            {
                return Err(Failure::NotMaster.into());
            }
        } else {
            return Ok(answer);
        }
        read().await
    }
}
