//! A connection that one thread keeps, such as the session lookup.

use std::{
    ops::{Deref, DerefMut},
    sync::PoisonError,
};

use super::{
    connect::Connector,
    connection::DbConnection,
    own_session::MarkedConnection,
    pool::{Db, Shared},
};
use crate::error::Error;

/// A connection of its own, or one of the pool's that the pool does without.
pub enum ReservedConnection {
    /// Made apart from the pool.
    Own(MarkedConnection),
    /// Taken from the pool, because the database gives no more connections.
    OfPool(r2d2::PooledConnection<Connector>),
}

impl Deref for ReservedConnection {
    type Target = DbConnection;

    fn deref(&self) -> &DbConnection {
        match self {
            Self::Own(conn) => conn,
            Self::OfPool(conn) => conn,
        }
    }
}

impl DerefMut for ReservedConnection {
    fn deref_mut(&mut self) -> &mut DbConnection {
        match self {
            Self::Own(conn) => conn,
            Self::OfPool(conn) => conn,
        }
    }
}

impl Db {
    /// A connection to keep, apart from the pool. Where the database gives no more, one of the pool's is kept. Blocks while
    /// connecting, at most for the timeout of both.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database has not been migrated or is not reached.
    pub fn reserved_connection(&self) -> Result<ReservedConnection, Error> {
        self.check_usable()?;
        let spare = self.shared.spare.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(spare) = spare.filter(|spare| self.shared.connector.is_of_newest_primary(spare)) {
            return Ok(ReservedConnection::Own(spare));
        }
        self.shared.connector.open().map(ReservedConnection::Own).or_else(|refused| {
            tracing::debug!(error = %refused, "no connection apart from the pool");
            self.connection().map(ReservedConnection::OfPool)
        })
    }
}

impl Shared {
    pub(super) fn keep_spare(&self, conn: Option<MarkedConnection>) {
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = conn;
    }
}
