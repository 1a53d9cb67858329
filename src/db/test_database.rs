//! An empty SQLite database for unit tests.

use tempfile::TempDir;

use super::{Db, Migrations};
use crate::config::Config;

/// A migrated database with the configuration of a site on it, and the folder that holds it.
pub async fn test_database() -> (TempDir, Config, Db) {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}", folder.path().join("gatehouse.db").display());
    let config = Config::from_vars([("DATABASE_URL".to_owned(), url)]);
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let db = Db::new(&config.stores.database, config.stores.timeout);
    db.prepare(Migrations::Run, |_| Ok(())).await.unwrap();
    (folder, config, db)
}
