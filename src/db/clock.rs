//! The database's clock.

use diesel::{prelude::*, sql_types::Timestamp};
use time::{Duration, PrimitiveDateTime};

use super::{connect::DbConnection, pool::Db};
use crate::{clock::now, error::Error};

impl Db {
    /// By how much this machine's clock is ahead of the database's, to about half of what asking takes. `None`: the database is a file
    /// of this machine.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database doesn't answer.
    pub async fn clock_difference(&self) -> Result<Option<Duration>, Error> {
        self.run(|conn| match conn {
            DbConnection::Sqlite(_) => Ok(None),
            DbConnection::Postgres(conn) => {
                let asked = now();
                let there: PrimitiveDateTime =
                    diesel::select(diesel::dsl::sql::<Timestamp>("clock_timestamp() AT TIME ZONE 'UTC'"))
                        .get_result(conn)?;
                let round_trip = now() - asked;
                Ok(Some(asked + round_trip / 2 - there))
            }
        })
        .await
    }
}
