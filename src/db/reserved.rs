//! A connection that one thread keeps, such as the session lookup.

use std::ops::{Deref, DerefMut};

use super::{connect::Connector, connection::DbConnection, own_session::MarkedConnection};

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
