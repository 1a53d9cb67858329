//! The background sweep of expired sessions, taken apart so that a test acts between its two steps.

use diesel::{Connection as _, RunQueryDsl as _, result::Error, sql_query};
use gatehouse::{
    db::DbConnection,
    sessions::{
        EndReason, EndRequest, Target,
        catalogue::{
            due::{self, LiveSession},
            end,
        },
    },
};

use super::stores::Stores;

/// The sweep's two steps on a connection of the test's own.
pub struct Sweep {
    conn: DbConnection,
    expired: Vec<LiveSession>,
}

impl Sweep {
    /// Finds the sessions that have expired, all of which count as expired for this step only. Nothing else sweeps
    /// them meanwhile, as their expiry is changed in the same transaction.
    pub fn find(stores: &Stores) -> Self {
        let mut conn = stores.product_connection();
        let expired = while_expired(&mut conn, |conn| due::expired(conn, 10).unwrap());
        Self { conn, expired }
    }

    /// How many sessions were found.
    pub fn found(&self) -> usize {
        self.expired.len()
    }

    /// Ends the sessions that were found, all of which count as expired for this step only; returns the ids of those
    /// that ended.
    pub fn end(mut self) -> Vec<String> {
        let expired = self.expired;
        let ended = while_expired(&mut self.conn, |conn| {
            let request = EndRequest::by_system(EndReason::Idle);
            end::end(conn, &Target::Expired(expired), &request, true).unwrap()
        });
        ended.into_iter().map(|ended| ended.id).collect()
    }
}

/// Runs a step in a transaction in which every session has expired, and has not any more when it is committed.
fn while_expired<T>(conn: &mut DbConnection, step: impl FnOnce(&mut DbConnection) -> T) -> T {
    conn.transaction::<_, Error, _>(|conn| {
        sql_query("UPDATE sessions SET expires_at = '2020-01-01 00:00:00'").execute(conn)?;
        let result = step(conn);
        sql_query("UPDATE sessions SET expires_at = '2999-01-01 00:00:00'").execute(conn)?;
        Ok(result)
    })
    .unwrap()
}
