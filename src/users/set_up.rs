//! Whether the site is set up: whether it has its first administrator.

use std::sync::atomic::{AtomicBool, Ordering};

use super::user::User;
use crate::{db::Db, error::Error};

/// Whether the site is set up. Once it was, the answer needs no database any more.
pub struct SetUp {
    db: Db,
    done: AtomicBool,
}

impl SetUp {
    /// The state of the site in this database, which is asked when first needed.
    pub fn new(db: Db) -> Self {
        Self { db, done: AtomicBool::new(false) }
    }

    /// Whether there is no administrator yet.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn is_pending(&self) -> Result<bool, Error> {
        if self.done.load(Ordering::Acquire) {
            return Ok(false);
        }
        let done = self.db.run(User::any_administrator).await?;
        if done {
            self.done.store(true, Ordering::Release);
        }
        Ok(!done)
    }
}
