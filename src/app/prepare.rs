//! Makes the stores ready: migrates the database, at the start or as soon as it is reached.

use std::time::Duration;

use super::parts::Parts;
use crate::{
    accounts::setup,
    error::Error,
    users::{keys, passkeys},
};

/// Pause between two attempts to reach a database that is not available yet.
const PREPARE_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Longest time that the start waits for the session store.
const MAX_STORE_WAIT: Duration = Duration::from_secs(1);

/// Migrates the database and waits at most [`MAX_STORE_WAIT`] for the store, so that the first requests find both connected. When
/// the database can't be reached, retries in the background. Returns the set-up link, if there is no administrator yet.
pub(super) async fn connect(parts: &Parts) -> Result<Option<String>, Error> {
    let store_wait = parts.config.stores.timeout.min(MAX_STORE_WAIT);
    let (prepared, _) = tokio::join!(prepare(parts), parts.sessions.wait(store_wait));
    match prepared {
        Ok(link) => Ok(link),
        Err(error @ Error::Unavailable(_)) => {
            tracing::error!(error = ?error.causes(), "the database of DATABASE_URL is not reached, trying again until it is");
            actix_web::rt::spawn(retry_prepare(parts.clone()));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Migrates the database. Returns the set-up link, if there is no administrator yet.
async fn prepare(parts: &Parts) -> Result<Option<String>, Error> {
    let migrations = parts.db.prepare(keys::fill).await?;
    if migrations > 0 {
        tracing::info!(migrations, "database migrated");
    }
    // The lookup takes its connection before requests fill the pool.
    parts.sessions.check_lookup().await?;
    let host = parts.config.server.passkey_host().map(str::to_owned);
    for line in parts.db.run(move |conn| passkeys::lost_with_other_hosts(conn, host.as_deref())).await? {
        tracing::warn!("{line}");
    }
    let accounts = parts.accounts.clone();
    actix_web::rt::spawn(async move {
        if let Err(error) = accounts.encrypt_anew().await {
            tracing::warn!(error = ?error.causes(), "keys of authenticator apps are still encrypted with an older SESSION_SECRET");
        }
    });
    parts.accounts.setup_link(&parts.config.server).await
}

/// Retries until the database is reached; until then requests that need it answer 503.
async fn retry_prepare(parts: Parts) {
    let mut logged = String::new();
    loop {
        tokio::time::sleep(PREPARE_RETRY_DELAY).await;
        match prepare(&parts).await {
            Ok(link) => {
                tracing::info!("the database is reached");
                setup::print_link(link.as_deref());
                return;
            }
            Err(Error::Unavailable(_)) => {}
            Err(error) => {
                let causes = error.causes();
                if logged != causes {
                    tracing::error!(error = ?causes, "the database could not be prepared, trying again");
                    logged = causes;
                }
            }
        }
    }
}
