//! Passkeys (WebAuthn): what is stored of those that users have. The key itself is in the authenticator; here is its public half.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{
    ceremonies::{Registered, StoredPasskey, Used},
    user::User,
};
use crate::{
    clock::now,
    db::{
        DbConnection,
        schema::{passkeys, users},
    },
    error::Error,
};

/// Most passkeys of one user.
pub const MOST: i64 = 20;

/// A passkey as its user and administrators see it.
#[derive(Debug, Clone, Queryable)]
pub struct ListedPasskey {
    /// The id.
    pub id: i64,
    /// What the user calls it.
    pub name: String,
    /// The host that it is for.
    pub rp_id: String,
    /// How often it has signed; 0: it doesn't count.
    pub sign_count: i64,
    /// Whether its key can be copied to other devices.
    pub backup_eligible: bool,
    /// Whether it was.
    pub backed_up: bool,
    /// When it was added.
    pub created_at: PrimitiveDateTime,
    /// When it was last used.
    pub last_used_at: Option<PrimitiveDateTime>,
}

/// Stores a passkey that was just made for the host.
///
/// # Errors
/// [`Error`] when the database fails, also when the credential is stored already.
pub fn add(
    conn: &mut DbConnection,
    user: i64,
    name: &str,
    rp_id: &str,
    made: &Registered,
) -> Result<(), Error> {
    diesel::insert_into(passkeys::table)
        .values((
            passkeys::user_id.eq(user),
            passkeys::name.eq(name),
            passkeys::credential_id.eq(&made.credential_id),
            passkeys::user_handle.eq(&made.user_handle),
            passkeys::credential.eq(&made.credential),
            passkeys::rp_id.eq(rp_id),
            passkeys::sign_count.eq(made.sign_count),
            passkeys::backup_eligible.eq(made.backup_eligible),
            passkeys::backed_up.eq(made.backed_up),
            passkeys::created_at.eq(now()),
        ))
        .execute(conn)?;
    Ok(())
}

/// The passkeys of a user, the oldest first.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn of_user(conn: &mut DbConnection, user: i64) -> Result<Vec<ListedPasskey>, Error> {
    use passkeys::dsl;
    let columns = (
        dsl::id,
        dsl::name,
        dsl::rp_id,
        dsl::sign_count,
        dsl::backup_eligible,
        dsl::backed_up,
        dsl::created_at,
        dsl::last_used_at,
    );
    Ok(dsl::passkeys.filter(dsl::user_id.eq(user)).order(dsl::id).select(columns).load(conn)?)
}

/// How many passkeys a user has.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn count(conn: &mut DbConnection, user: i64) -> Result<i64, Error> {
    Ok(passkeys::table.filter(passkeys::user_id.eq(user)).count().get_result(conn)?)
}

/// The identifiers of a user's passkeys for the host, and the number by which authenticators know the user, if there are any.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn known(
    conn: &mut DbConnection,
    user: i64,
    rp_id: &str,
) -> Result<(Vec<String>, Option<String>), Error> {
    let of_user = passkeys::table.filter(passkeys::user_id.eq(user)).filter(passkeys::rp_id.eq(rp_id));
    let rows: Vec<(String, String)> =
        of_user.order(passkeys::id).select((passkeys::credential_id, passkeys::user_handle)).load(conn)?;
    let handle = rows.first().map(|(_, handle)| handle.clone());
    Ok((rows.into_iter().map(|(id, _)| id).collect(), handle))
}

/// The passkey for the host with that identifier, and its user.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn by_credential(
    conn: &mut DbConnection,
    rp_id: &str,
    credential_id: &str,
) -> Result<Option<(StoredPasskey, User)>, Error> {
    use passkeys::dsl;
    let columns = (dsl::id, dsl::user_id, dsl::name, dsl::user_handle, dsl::credential, dsl::sign_count);
    Ok(dsl::passkeys
        .inner_join(users::table)
        .filter(dsl::credential_id.eq(credential_id))
        .filter(dsl::rp_id.eq(rp_id))
        .select((columns, users::all_columns))
        .first(conn)
        .optional()?)
}

/// Records that a passkey was used. `false`: it was removed, or used by somebody else, since it was checked.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn record_use(conn: &mut DbConnection, checked: &StoredPasskey, used: &Used) -> Result<bool, Error> {
    let same = passkeys::table.find(checked.id).filter(passkeys::sign_count.eq(checked.sign_count));
    let set = (
        passkeys::credential.eq(&used.credential),
        passkeys::sign_count.eq(used.sign_count),
        passkeys::backup_eligible.eq(used.backup_eligible),
        passkeys::backed_up.eq(used.backed_up),
        passkeys::last_used_at.eq(now()),
    );
    Ok(diesel::update(same).set(set).execute(conn)? == 1)
}

/// Calls a user's passkey otherwise; `false`: the user has none with this id.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn rename(conn: &mut DbConnection, user: i64, id: i64, name: &str) -> Result<bool, Error> {
    let own = passkeys::table.find(id).filter(passkeys::user_id.eq(user));
    Ok(diesel::update(own).set(passkeys::name.eq(name)).execute(conn)? == 1)
}

/// Removes a user's passkey. Returns what the user called it; `None`: the user has none with this id.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn remove(conn: &mut DbConnection, user: i64, id: i64) -> Result<Option<String>, Error> {
    let own = passkeys::table.find(id).filter(passkeys::user_id.eq(user));
    Ok(diesel::delete(own).returning(passkeys::name).get_result(conn).optional()?)
}

/// Removes all passkeys of a user.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn remove_all(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    diesel::delete(passkeys::table.filter(passkeys::user_id.eq(user))).execute(conn)?;
    Ok(())
}

/// What people lose because the site has another host now, a line for each that passkeys were made for. `host`: the one that they
/// are for now, if it can have any.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn lost_with_other_hosts(conn: &mut DbConnection, host: Option<&str>) -> Result<Vec<String>, Error> {
    let others =
        passkeys::table.filter(passkeys::rp_id.ne(host.unwrap_or_default())).group_by(passkeys::rp_id);
    let counts = (passkeys::rp_id, diesel::dsl::count_star());
    let counted: Vec<(String, i64)> = others.order(passkeys::rp_id).select(counts).load(conn)?;
    let line = |(other, count): (String, i64)| {
        let they = if count == 1 { "1 passkey is".to_owned() } else { format!("{count} passkeys are") };
        format!("BASE_URL: {they} for the host {other} and can't be used at another one")
    };
    Ok(counted.into_iter().map(line).collect())
}
