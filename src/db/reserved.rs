//! A connection that one thread keeps, such as the session lookup.

use std::{
    ops::{Deref, DerefMut},
    sync::PoisonError,
};

use diesel::connection::SimpleConnection as _;

use super::{
    connect::Connector,
    connection::DbConnection,
    own_session::MarkedConnection,
    pool::{Db, Shared},
};
use crate::error::Error;

/// What a connection begins with on Postgres that has a few statements to run, each for keys and again and again. Each is planned once: the
/// planner takes a plan for the very keys to be cheaper, since it expects ten of them where there are one or two, and would make one each
/// time, which takes longer than the rest.
const PLANNED_ONCE: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off";

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

impl ReservedConnection {
    /// Has each statement planned anew when it is run next. A plan that was made while the tables were small is a bad one once they are
    /// large, and the database replaces it by itself only when it has analyzed them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn forget_plans(&mut self) -> diesel::QueryResult<()> {
        match self {
            Self::Own(own) => match &mut **own {
                DbConnection::Postgres(pg) => pg.batch_execute("DISCARD PLANS"),
                DbConnection::Sqlite(_) => Ok(()),
            },
            Self::OfPool(_) => Ok(()),
        }
    }
}

impl Db {
    /// A connection to keep, apart from the pool, for a few statements that each find rows by keys, and are planned once. Where the database
    /// gives no more, one of the pool's is kept, as it is. Blocks while connecting, at most for the timeout of both.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database has not been migrated or is not reached.
    pub fn reserved_connection(&self) -> Result<ReservedConnection, Error> {
        self.check_usable()?;
        let spare = self.shared.spare.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(spare) = spare.filter(|spare| self.shared.connector.is_of_newest_primary(spare)) {
            return plan_once(spare);
        }
        match self.shared.connector.open() {
            Ok(own) => plan_once(own),
            Err(refused) => {
                tracing::debug!(error = %refused, "no connection apart from the pool");
                self.connection().map(ReservedConnection::OfPool)
            }
        }
    }
}

fn plan_once(mut own: MarkedConnection) -> Result<ReservedConnection, Error> {
    if let DbConnection::Postgres(pg) = &mut *own {
        pg.batch_execute(PLANNED_ONCE)?;
    }
    Ok(ReservedConnection::Own(own))
}

impl Shared {
    pub(super) fn keep_spare(&self, conn: Option<MarkedConnection>) {
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = conn;
    }
}
