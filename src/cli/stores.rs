//! Database and session store for the commands.

use std::time::Duration;

use super::report::error_line;
use crate::{
    config::Config,
    db::{Db, Migrations},
    sessions::Sessions,
    users::keys,
};

/// Longest time that commands wait for database and store.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to the database, migrates it unless `MIGRATE_AT_START` is off, and opens the sessions. The store may not be connected yet.
pub(super) async fn open(config: &Config) -> Result<(Db, Sessions), String> {
    let db = Db::new(&config.stores.database, TIMEOUT);
    db.prepare(Migrations::at_start(&config.stores), keys::fill).await.map_err(error_line)?;
    let sessions = Sessions::new(config, db.clone()).await.map_err(error_line)?;
    Ok((db, sessions))
}

/// Waits until the store is connected.
pub(super) async fn wait(sessions: &Sessions) -> Result<(), String> {
    sessions.wait(TIMEOUT).await.map_err(error_line)
}
