//! Ends all earlier sessions in the catalogue after `SESSION_SECRET` was changed: their cookies can't be decrypted any more.

use diesel::prelude::*;

use crate::{
    clock::now,
    db::{DbConnection, schema::secrets},
    error::Error,
    sessions::{
        catalogue::{
            end::{EndRequest, Remarks},
            end_reason::EndReason,
            filter::{Filter, ListQuery},
        },
        service::Sessions,
    },
};

/// The note of the ends, for administrators.
const NOTE: &str = "SESSION_SECRET was changed";

impl Sessions {
    /// Ends the sessions that started before this instance, if the recorded secret is another one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached.
    pub(super) async fn end_if_secret_changed(&self) -> Result<(), Error> {
        let recorded = self.db.with_long_timeout().run(recorded_fingerprint).await?;
        let current = self.config.secret.fingerprint();
        if recorded.as_ref() == Some(&current) {
            return Ok(());
        }
        if recorded.is_some() {
            let filter = Filter { started_by: Some(self.started_at), ..Filter::default() };
            let query = ListQuery { filter, ..ListQuery::default() };
            let remarks = Remarks { note: Some(NOTE.to_owned()), ..Remarks::default() };
            let request = EndRequest { remarks, ..EndRequest::by_system(EndReason::Missing) };
            let outcome = self.end_many(&query, request, None, async |_| {}).await?;
            tracing::warn!(ended = outcome.count, "SESSION_SECRET was changed: everyone is signed out");
        }
        self.db.with_long_timeout().run(move |conn| record_fingerprint(conn, current)).await
    }
}

/// The fingerprint of the secret that was last recorded.
fn recorded_fingerprint(conn: &mut DbConnection) -> Result<Option<String>, Error> {
    Ok(secrets::table.order(secrets::since.desc()).select(secrets::fingerprint).first(conn).optional()?)
}

/// Replaces the recorded fingerprint. Two instances that write at once may leave two rows; the newest is the one that is read.
fn record_fingerprint(conn: &mut DbConnection, fingerprint: String) -> Result<(), Error> {
    diesel::delete(secrets::table).execute(conn)?;
    let row = (secrets::fingerprint.eq(fingerprint), secrets::since.eq(now()));
    match diesel::insert_into(secrets::table).values(row).execute(conn).map_err(Error::from) {
        Err(error) if !error.is_unique_violation() => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
