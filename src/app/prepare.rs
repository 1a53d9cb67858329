//! Makes the stores ready: migrates the database, at the start or as soon as it is reached.

use std::time::Duration;

use super::parts::Parts;
use crate::{
    accounts::setup,
    db::Migrations,
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
            let mut problems = Problems::default();
            problems.log(&error);
            actix_web::rt::spawn(retry_prepare(parts.clone(), problems));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Migrates the database. Returns the set-up link, if there is no administrator yet.
async fn prepare(parts: &Parts) -> Result<Option<String>, Error> {
    let migrations = parts.db.prepare(Migrations::at_start(&parts.config.stores), keys::fill).await?;
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

/// Why the database can't be used yet, as far as the log says it.
#[derive(Default)]
struct Problems {
    /// Whether the log says that the database is not reached.
    unreached: bool,
    /// The last other one.
    last: String,
}

impl Problems {
    /// Logs each problem when it begins.
    fn log(&mut self, error: &Error) {
        let causes = error.causes();
        let is_unreached = matches!(error, Error::Unavailable(_)) && error.missing_migrations().is_none();
        if is_unreached {
            if !std::mem::replace(&mut self.unreached, true) {
                tracing::error!(error = ?causes, "the database of DATABASE_URL is not reached, trying again until it is");
            }
        } else if self.last != causes {
            match error.missing_migrations() {
                Some(missing) => tracing::error!(
                    missing,
                    "the database lacks migrations, and MIGRATE_AT_START is off: not ready until `gatehouse migrate` was run"
                ),
                None => tracing::error!(error = ?causes, "the database could not be prepared, trying again"),
            }
            self.last = causes;
        }
    }
}

/// Retries until the database is reached and migrated; until then requests that need it answer 503.
async fn retry_prepare(parts: Parts, mut problems: Problems) {
    loop {
        tokio::time::sleep(PREPARE_RETRY_DELAY).await;
        match prepare(&parts).await {
            Ok(link) => {
                tracing::info!("the database is reached");
                setup::print_link(link.as_deref());
                return;
            }
            Err(error) => problems.log(&error),
        }
    }
}
