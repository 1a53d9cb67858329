//! Makes the keys of users from before there were any: SQL can neither fold a text nor read an address as the program does.

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Text},
};

use super::{address::Address, search::search_text};
use crate::{
    db::{DbConnection, schema::users, transaction},
    error::Error,
};

/// Users of one transaction.
const BATCH_SIZE: i64 = 500;

/// Key of the advisory lock under which instances that start together fill one batch after the other.
const FILL_LOCK: i64 = 0x6761_7466;

/// Most accounts that the log names.
const MAX_NAMED: usize = 20;

/// Makes the keys of addresses and the search texts that are missing, and the copies of those in sessions, in batches: what was
/// made when it is interrupted stays. Logs which accounts share an address.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn fill(conn: &mut DbConnection) -> Result<(), Error> {
    let mut filled = 0;
    loop {
        match transaction(conn, fill_batch) {
            Ok(0) => break,
            Ok(count) => filled += count,
            // Somebody has registered with the address meanwhile; the next try finds their account.
            Err(error) if error.is_unique_violation() => {}
            Err(error) => return Err(error),
        }
    }
    if filled > 0 {
        tracing::info!(users = filled, "keys of users were made");
        diesel::sql_query("ANALYZE users").execute(conn)?;
    }
    let shared = sharing_an_address(conn)?;
    if !shared.is_empty() {
        let named: Vec<String> = shared.iter().take(MAX_NAMED).map(ToString::to_string).collect();
        tracing::warn!(
            accounts = shared.len(),
            named = %named.join(", "),
            "accounts have another form of the address of an older one; their owners sign in with exactly the form that they typed"
        );
    }
    Ok(())
}

/// An account whose address is another form of the address of an older account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct SharedAddress {
    /// The id of the user.
    pub user: i64,
    /// The id of the user who has the key.
    pub holder: i64,
}

impl std::fmt::Display for SharedAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "user {} has the address of user {}", self.user, self.holder)
    }
}

/// The accounts whose address is another form of the address of an older account.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn sharing_an_address(conn: &mut DbConnection) -> Result<Vec<SharedAddress>, Error> {
    let shared = users::table.filter(users::same_address_as.is_not_null()).order(users::id);
    Ok(shared.select((users::id, users::same_address_as.assume_not_null())).load(conn)?)
}

/// A user whose keys are missing.
#[derive(Queryable)]
struct Row {
    id: i64,
    name: String,
    email: String,
    email_key: String,
}

fn fill_batch(conn: &mut DbConnection) -> Result<usize, Error> {
    if let DbConnection::Postgres(pg) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(FILL_LOCK).execute(pg)?;
    }
    // Whoever shared an address with an account that is gone can have its key.
    diesel::sql_query(
        "UPDATE users SET search_text = '', same_address_as = NULL WHERE same_address_as IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM users AS holder WHERE holder.id = users.same_address_as)",
    )
    .execute(conn)?;
    let mut rows: Vec<Row> = users::table
        .filter(users::search_text.eq(""))
        .order(users::id)
        .limit(BATCH_SIZE)
        .select((users::id, users::name, users::email, users::email_key))
        .load(conn)?;
    for row in &mut rows {
        claim_address(conn, row)?;
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let texts: Vec<String> =
        rows.iter().map(|row| search_text(&row.name, &row.email, &row.email_key)).collect();
    write_search_texts(conn, &ids, &texts)?;
    copy_to_sessions(conn, &ids)?;
    Ok(ids.len())
}

/// Gives the account the key of its address. Where another account has that key already, this one keeps its own; so does one whose
/// address would be refused today.
fn claim_address(conn: &mut DbConnection, row: &mut Row) -> Result<(), Error> {
    let Some(address) = Address::parse(&row.email).filter(|address| address.key != row.email_key) else {
        return Ok(());
    };
    let user = diesel::update(users::table.find(row.id));
    let holder = users::table.filter(users::email_key.eq(&address.key)).select(users::id);
    if let Some(holder) = holder.first::<i64>(conn).optional()? {
        user.set(users::same_address_as.eq(holder)).execute(conn)?;
        return Ok(());
    }
    user.set((users::email.eq(&address.shown), users::email_key.eq(&address.key))).execute(conn)?;
    row.email = address.shown;
    row.email_key = address.key;
    Ok(())
}

fn write_search_texts(conn: &mut DbConnection, ids: &[i64], texts: &[String]) -> Result<(), Error> {
    match conn {
        DbConnection::Postgres(pg) => {
            diesel::sql_query(
                "UPDATE users SET search_text = made.text \
                 FROM (SELECT unnest($1) AS id, unnest($2) AS text) AS made WHERE users.id = made.id",
            )
            .bind::<Array<BigInt>, _>(ids)
            .bind::<Array<Text>, _>(texts)
            .execute(pg)?;
        }
        DbConnection::Sqlite(sqlite) => {
            for (id, text) in ids.iter().zip(texts) {
                diesel::update(users::table.find(id)).set(users::search_text.eq(text)).execute(sqlite)?;
            }
        }
    }
    Ok(())
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
