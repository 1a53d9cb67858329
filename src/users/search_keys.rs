//! Fills the search texts of users from before there were any: SQL can't fold as the program does.

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Text},
};

use super::search::search_text;
use crate::{
    db::{DbConnection, schema::users, transaction},
    error::Error,
};

/// Users of one transaction.
const BATCH_SIZE: i64 = 500;

/// Key of the advisory lock under which instances that start together fill one batch after the other.
const FILL_LOCK: i64 = 0x6761_7466;

/// Fills the search texts that are missing, and their copies in the users' sessions, in batches: what was filled when it is
/// interrupted stays filled.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn fill(conn: &mut DbConnection) -> Result<(), Error> {
    let mut filled = 0;
    loop {
        match transaction(conn, fill_batch)? {
            0 => break,
            count => filled += count,
        }
    }
    if filled > 0 {
        tracing::info!(users = filled, "search texts of users were made");
        diesel::sql_query("ANALYZE users").execute(conn)?;
    }
    Ok(())
}

/// A user's id, name, address and the address as it is compared.
type Row = (i64, String, String, String);

fn fill_batch(conn: &mut DbConnection) -> Result<usize, Error> {
    if let DbConnection::Postgres(pg) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(FILL_LOCK).execute(pg)?;
    }
    let rows: Vec<Row> = users::table
        .filter(users::search_text.eq(""))
        .order(users::id)
        .limit(BATCH_SIZE)
        .select((users::id, users::name, users::email, users::email_key))
        .load(conn)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let texts: Vec<String> = rows.iter().map(|(_, name, email, key)| search_text(name, email, key)).collect();
    match conn {
        DbConnection::Postgres(pg) => {
            diesel::sql_query(
                "UPDATE users SET search_text = made.text \
                 FROM (SELECT unnest($1) AS id, unnest($2) AS text) AS made WHERE users.id = made.id",
            )
            .bind::<Array<BigInt>, _>(&ids)
            .bind::<Array<Text>, _>(&texts)
            .execute(pg)?;
        }
        DbConnection::Sqlite(sqlite) => {
            for (id, text) in ids.iter().zip(&texts) {
                diesel::update(users::table.find(id)).set(users::search_text.eq(text)).execute(sqlite)?;
            }
        }
    }
    copy_to_sessions(conn, &ids)?;
    Ok(ids.len())
}

/// Copies the search texts to all sessions of these users; the trigger may leave out those that have ended.
fn copy_to_sessions(conn: &mut DbConnection, ids: &[i64]) -> Result<(), Error> {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(()) };
    diesel::sql_query(
        "UPDATE sessions SET person = users.search_text FROM users WHERE users.id = sessions.user_id \
         AND sessions.user_id BETWEEN $1 AND $2 AND sessions.person <> users.search_text",
    )
    .bind::<BigInt, _>(first)
    .bind::<BigInt, _>(last)
    .execute(conn)?;
    Ok(())
}
