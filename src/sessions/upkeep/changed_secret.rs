//! A changed `SESSION_SECRET` signs everyone out: no cookie can be read any more. Here the catalogue hears of it.

use diesel::prelude::*;

use crate::{
    clock::now,
    db::{DbConnection, schema::secrets},
    error::Error,
    sessions::{
        catalogue::{
            end::EndRequest,
            end_reason::EndReason,
            filter::{Filter, ListQuery},
        },
        service::Sessions,
    },
};

const NOTE: &str = "SESSION_SECRET was changed";

impl Sessions {
    /// Ends what was active before this instance started, if that was under another secret.
    pub(crate) async fn end_unreadable(&self) -> Result<(), Error> {
        let known = self.db.with_long_timeout().run(known).await?;
        let mine = self.config.secret.fingerprint();
        if known.as_ref() == Some(&mine) {
            return Ok(());
        }
        if known.is_some() {
            let filter = Filter { started_by: Some(self.started_at), ..Filter::default() };
            let ending =
                EndRequest { note: Some(NOTE.to_owned()), ..EndRequest::by_system(EndReason::Missing) };
            let ends =
                self.end_many(&ListQuery { filter, ..ListQuery::default() }, ending, async |_| {}).await?;
            tracing::warn!(ended = ends.count, "SESSION_SECRET was changed: everyone is signed out");
        }
        self.db.with_long_timeout().run(move |conn| remember(conn, mine)).await
    }
}

fn known(conn: &mut DbConnection) -> Result<Option<String>, Error> {
    Ok(secrets::table.order(secrets::since.desc()).select(secrets::fingerprint).first(conn).optional()?)
}

/// The newest row counts; older ones only stay if two instances write at once.
fn remember(conn: &mut DbConnection, fingerprint: String) -> Result<(), Error> {
    diesel::delete(secrets::table).execute(conn)?;
    let row = (secrets::fingerprint.eq(fingerprint), secrets::since.eq(now()));
    match diesel::insert_into(secrets::table).values(row).execute(conn).map_err(Error::from) {
        Err(error) if !error.is_unique_violation() => Err(error),
        _ => Ok(()),
    }
}
