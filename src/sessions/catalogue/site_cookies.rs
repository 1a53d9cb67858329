//! The cookies that sites with cookies of their own have for sessions, and the codes that were used to get one.

use diesel::{
    dsl::sql,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use time::PrimitiveDateTime;

use super::predicates::not_ended;
use crate::{
    clock::now,
    db::{
        DbConnection, Uncached,
        schema::{
            sessions::{self, dsl},
            site_cookies, used_codes,
        },
    },
    error::Error,
};

/// Cookies that one session may have at one site: as many as pages are opened at once by a browser that has none yet.
const MOST_OF_SITE: i64 = 4;

/// A site at which a session is used.
#[derive(Debug, Clone, Queryable)]
pub struct SiteUse {
    /// The public session id.
    pub session_id: String,
    /// The site: its host with its port, unless that is the scheme's own.
    pub site: String,
    /// When the site got a cookie for the session.
    pub since: PrimitiveDateTime,
}

/// Records a cookie for the session that has this store key; the oldest one of the session at that site is forgotten when there are
/// too many. Returns `false` when no session that has not ended has the key. To be called in a transaction.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be written.
pub(in crate::sessions) fn insert(
    conn: &mut DbConnection,
    store_key: &str,
    site: &str,
    secret_hash: &str,
) -> Result<bool, Error> {
    let session = sessions::table.filter(dsl::store_key.eq(store_key)).filter(not_ended()).select(dsl::id);
    // Locked: a change of the password that comes first has replaced the key, one that comes later finds the cookie.
    let found: Option<String> = match conn {
        DbConnection::Postgres(pg) => session.for_no_key_update().first(pg).optional()?,
        DbConnection::Sqlite(sqlite) => session.first(sqlite).optional()?,
    };
    let Some(session) = found else { return Ok(false) };
    let of_site = site_cookies::table
        .filter(site_cookies::session_id.eq(&session))
        .filter(site_cookies::site.eq(site))
        .order((site_cookies::made_at.desc(), site_cookies::secret_hash))
        .select(site_cookies::secret_hash)
        .offset(MOST_OF_SITE - 1)
        .limit(i64::MAX);
    let too_many: Vec<String> = of_site.load(conn)?;
    if !too_many.is_empty() {
        let those = site_cookies::table.filter(site_cookies::secret_hash.eq_any(too_many));
        diesel::delete(those).execute(conn)?;
    }
    diesel::insert_into(site_cookies::table)
        .values((
            site_cookies::secret_hash.eq(secret_hash),
            site_cookies::session_id.eq(&session),
            site_cookies::site.eq(site),
            site_cookies::made_at.eq(now()),
        ))
        .execute(conn)?;
    Ok(true)
}

/// Makes all cookies of a session at other sites void.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be written.
pub(in crate::sessions) fn delete_of(conn: &mut DbConnection, session: &str) -> Result<(), Error> {
    diesel::delete(site_cookies::table.filter(site_cookies::session_id.eq(session))).execute(conn)?;
    Ok(())
}

/// At which sites these sessions are used, or were until they ended: each site once, in the order in which they came.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn of_sessions(conn: &mut DbConnection, sessions: &[String]) -> Result<Vec<SiteUse>, Error> {
    let rows = site_cookies::table
        .filter(site_cookies::session_id.eq_any(sessions))
        .order((site_cookies::made_at, site_cookies::site))
        .select((site_cookies::session_id, site_cookies::site, site_cookies::made_at));
    let mut uses: Vec<SiteUse> = Vec::new();
    for found in Uncached(rows).load::<SiteUse>(conn)? {
        if !uses.iter().any(|known| known.session_id == found.session_id && known.site == found.site) {
            uses.push(found);
        }
    }
    Ok(uses)
}

/// How long a code is good, in seconds.
const CODE_LIFETIME: i64 = 60;
/// How long a used code is remembered, in seconds.
const USED_CODE_KEPT: i64 = 10 * 60;
/// Codes of one session that are remembered at once; more are not accepted.
const MOST_USED_CODES: i64 = 100;

/// What becomes of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeUse {
    /// It is good, and used up now.
    First,
    /// It was made too long ago.
    TooOld,
    /// It was used before; or its session has used too many.
    Refused,
}

/// SQL for the time, in Unix seconds.
fn database_time(conn: &DbConnection) -> &'static str {
    match conn {
        DbConnection::Postgres(_) => "CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)",
        DbConnection::Sqlite(_) => "unixepoch()",
    }
}

/// The time of the database, in Unix seconds.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn time(conn: &mut DbConnection) -> Result<i64, Error> {
    let now = sql::<BigInt>(database_time(conn));
    Ok(diesel::select(now).get_result(conn)?)
}

/// Uses up a code of a session. `made_at`: as [`time`] was then.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be written.
pub(in crate::sessions) fn use_code(
    conn: &mut DbConnection,
    id: &str,
    session: &str,
    made_at: i64,
) -> Result<CodeUse, Error> {
    let now = time(conn)?;
    if now.saturating_sub(made_at) > CODE_LIFETIME {
        return Ok(CodeUse::TooOld);
    }
    let insert = sql_query(
        "INSERT INTO used_codes (id, session_id, used_at) SELECT $1, $2, $3 \
         WHERE (SELECT COUNT(*) FROM used_codes WHERE session_id = $4) < $5 ON CONFLICT (id) DO NOTHING",
    );
    let insert = insert.bind::<Text, _>(id).bind::<Text, _>(session).bind::<BigInt, _>(now);
    let inserted = insert.bind::<Text, _>(session).bind::<BigInt, _>(MOST_USED_CODES).execute(conn)?;
    Ok(if inserted == 1 { CodeUse::First } else { CodeUse::Refused })
}

/// Forgets the codes that were used long ago.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be written.
pub(in crate::sessions) fn delete_old_codes(conn: &mut DbConnection) -> Result<(), Error> {
    let before = time(conn)?.saturating_sub(USED_CODE_KEPT);
    diesel::delete(used_codes::table.filter(used_codes::used_at.lt(before))).execute(conn)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::test_database;

    #[actix_web::test]
    async fn code_is_good_once_and_for_a_minute() {
        let (_folder, _, db) = test_database().await;
        let uses = db.run(|conn| {
            let now = time(conn)?;
            let codes = [
                ("a", now),
                ("a", now),
                ("b", now - 58),
                ("c", now - 62),
                ("d", now - 3_600),
                ("e", now + 1),
            ];
            codes
                .iter()
                .map(|(id, made_at)| use_code(conn, id, "session", *made_at))
                .collect::<Result<Vec<_>, _>>()
        });
        let expected = [
            CodeUse::First,
            CodeUse::Refused,
            CodeUse::First,
            CodeUse::TooOld,
            CodeUse::TooOld,
            CodeUse::First,
        ];
        assert_eq!(uses.await.unwrap(), expected);
    }
}
