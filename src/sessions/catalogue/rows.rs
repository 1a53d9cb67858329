//! The table `sessions`: one row per session ever started. Whether a session has ended is decided here.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::device::Device;
use crate::{
    db::{
        DbConnection, now,
        schema::{
            pending_deletions::{self, dsl as pending},
            sessions::{self, dsl},
            users,
        },
    },
    error::Error,
    events::{Event, Kind},
    security::{Client, ip_key},
    users::Role,
};

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its user signed out.
    Logout,
    /// Its user ended it from another device.
    EndedByUser,
    /// An administrator ended it.
    EndedByAdmin,
    /// The password was changed elsewhere.
    PasswordChanged,
    /// The user had more sessions than allowed; it was the oldest.
    Limit,
    /// The same browser signed in again.
    Replaced,
    /// It was not used for the idle lifetime.
    Idle,
    /// It reached the absolute lifetime.
    Absolute,
    /// Its user was deactivated.
    UserDeactivated,
    /// The store lost it.
    Missing,
}

impl EndReason {
    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::EndedByUser => "ended_by_user",
            Self::EndedByAdmin => "ended_by_admin",
            Self::PasswordChanged => "password_changed",
            Self::Limit => "limit",
            Self::Replaced => "replaced",
            Self::Idle => "idle",
            Self::Absolute => "absolute",
            Self::UserDeactivated => "user_deactivated",
            Self::Missing => "missing",
        }
    }

    /// The stored name as a sentence.
    pub fn sentence(name: &str) -> &str {
        match name {
            "logout" => "Signed out",
            "ended_by_user" => "Ended from another device",
            "ended_by_admin" => "Ended by an administrator",
            "password_changed" => "Ended when the password was changed",
            "limit" => "Ended because of the limit of sessions",
            "replaced" => "Replaced by a new sign-in in the same browser",
            "idle" => "Expired after not being used",
            "absolute" => "Expired at the longest lifetime",
            "user_deactivated" => "Ended when the account was deactivated",
            "missing" => "Lost by the session store",
            other => other,
        }
    }
}

/// An end about to happen: why, by whom, from where.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Why.
    pub reason: EndReason,
    /// The user who did it; `None`: the system.
    pub by: Option<i64>,
    /// What the administrator wrote.
    pub note: Option<String>,
    /// Where it was done from.
    pub client: Option<Client>,
}

impl Ending {
    /// An end that nobody in particular asked for.
    pub fn by_system(reason: EndReason) -> Self {
        Self { reason, by: None, note: None, client: None }
    }
}

/// Which sessions to end.
#[derive(Debug, Clone)]
pub enum Which {
    /// These, whoever they belong to.
    Ids(Vec<String>),
    /// Of these, those that have neither been used nor got a key since they were found expired.
    Expired(Vec<Live>),
    /// Of these, those that have got no key since they were found.
    Found(Vec<Live>),
    /// Those that still have one of these store keys, which the store no longer knows.
    Lost(Vec<String>),
    /// One of that user's; another user's is left alone.
    OneOf {
        /// The user.
        user: i64,
        /// The public session id.
        id: String,
    },
    /// All of that user's but one.
    AllBut {
        /// The user.
        user: i64,
        /// The public session id that stays.
        keep: String,
    },
    /// All of that user's.
    AllOf {
        /// The user.
        user: i64,
    },
}

/// A session that was just ended.
#[derive(Debug, Clone, Queryable)]
pub struct Ended {
    /// The public session id.
    pub id: String,
    /// Whose it was.
    pub user_id: i64,
    /// Its entry in the store, if it got so far.
    pub store_key: Option<String>,
    /// The name of the reason.
    pub reason: Option<String>,
    /// What the administrator wrote.
    pub note: Option<String>,
    /// The user who did it; none: the system.
    pub by: Option<i64>,
}

/// A session about to be recorded.
pub struct NewSession<'a> {
    /// The public session id.
    pub id: &'a str,
    /// Whose it is.
    pub user_id: i64,
    /// The words that lists find its user by: see [`person`].
    pub person: &'a str,
    /// Its user's role.
    pub role: &'a str,
    /// When it began.
    pub at: PrimitiveDateTime,
    /// When it ends if it isn't used.
    pub expires_at: PrimitiveDateTime,
    /// When it ends whatever happens.
    pub absolute_expires_at: PrimitiveDateTime,
    /// "Remember me".
    pub remembered: bool,
    /// Where from.
    pub client: &'a Client,
}

/// The words that lists of sessions find a user by, as each session keeps them; the name is in lower case. When the user
/// changes, so do they: the database sees to that.
pub fn person(name: &str, email_key: &str) -> String {
    format!("{name}\n{email_key}")
}

/// Writes the row, still without a store key: it is on no list until the store holds its state.
pub fn insert(conn: &mut DbConnection, new: &NewSession<'_>) -> Result<(), Error> {
    let device = Device::parse(&new.client.user_agent);
    diesel::insert_into(sessions::table)
        .values((
            dsl::id.eq(new.id),
            dsl::user_id.eq(new.user_id),
            dsl::person.eq(new.person),
            dsl::role.eq(new.role),
            dsl::created_at.eq(new.at),
            dsl::last_seen_at.eq(new.at),
            dsl::expires_at.eq(new.expires_at),
            dsl::absolute_expires_at.eq(new.absolute_expires_at),
            dsl::remembered.eq(new.remembered),
            dsl::ip.eq(new.client.ip.to_string()),
            dsl::ip_key.eq(ip_key(new.client.ip)),
            dsl::user_agent.eq(&new.client.user_agent),
            dsl::browser.eq(device.browser),
            dsl::browser_version.eq(device.browser_version),
            dsl::os.eq(device.os),
            dsl::device.eq(device.kind),
        ))
        .execute(conn)?;
    Ok(())
}

/// Gives the session a new key, unless it has ended or no longer has the key that the request came with.
pub fn record_key(
    conn: &mut DbConnection,
    id: &str,
    new: &str,
    old: Option<&str>,
    state: Option<String>,
) -> Result<bool, Error> {
    let live = sessions::table.find(id).filter(dsl::ended_at.is_null());
    let set = (dsl::store_key.eq(new), dsl::state.eq(state));
    let rows = match old {
        Some(old) => diesel::update(live.filter(dsl::store_key.eq(old))).set(set).execute(conn)?,
        None => diesel::update(live.filter(dsl::store_key.is_null())).set(set).execute(conn)?,
    };
    Ok(rows == 1)
}

/// Whether the session has not ended: for what must not be done by one that ended while the request ran.
pub fn is_live(conn: &mut DbConnection, id: &str) -> Result<bool, Error> {
    let live = sessions::table.find(id).filter(dsl::ended_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(live)).get_result(conn)?)
}

/// Looks once more whether the session is an active administrator's, where the request has waited since it was let in:
/// for the rest of its body, for a lock.
///
/// # Errors
/// What would not have let it in: [`Error::SignInFirst`] when the session has ended or its user may not sign in any
/// more, [`Error::Forbidden`] when the user is no administrator any more.
pub fn check_administrator(conn: &mut DbConnection, id: &str) -> Result<(), Error> {
    let role: Option<String> = sessions::table
        .find(id)
        .inner_join(users::table)
        .filter(dsl::ended_at.is_null())
        .filter(dsl::absolute_expires_at.gt(now()))
        .filter(users::active)
        .select(users::role)
        .first(conn)
        .optional()?;
    match role {
        None => Err(Error::SignInFirst),
        Some(role) if role == Role::Admin.name() => Ok(()),
        Some(_) => Err(Error::administrators_only()),
    }
}

/// Looks whether a user is an active administrator, for work that goes on after the request that began it.
///
/// # Errors
/// [`Error::Forbidden`] when not.
pub fn check_still_administrator(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    let administrator =
        users::table.find(user).filter(users::active).filter(users::role.eq(Role::Admin.name()));
    match diesel::select(diesel::dsl::exists(administrator)).get_result(conn)? {
        true => Ok(()),
        false => Err(Error::administrators_only()),
    }
}

/// Changes the state of a live session whose state is in the database; one that is gone is not made again.
pub fn change_state(conn: &mut DbConnection, store_key: &str, state: &str) -> Result<bool, Error> {
    let there = sessions::table
        .filter(dsl::store_key.eq(store_key))
        .filter(dsl::ended_at.is_null())
        .filter(dsl::state.is_not_null());
    Ok(diesel::update(there).set(dsl::state.eq(state)).execute(conn)? == 1)
}

/// Ends sessions and records it, inside the caller's transaction. Those that had ended already are not touched.
///
/// `in_store`: the store holds entries that are still to be deleted and confirmed.
pub fn end(
    conn: &mut DbConnection,
    which: &Which,
    ending: &Ending,
    in_store: bool,
) -> Result<Vec<Ended>, Error> {
    let live = || sessions::table.filter(dsl::ended_at.is_null());
    let set = (
        dsl::ended_at.eq(now()),
        dsl::end_reason.eq(ending.reason.name()),
        dsl::end_note.eq(&ending.note),
        dsl::ended_by.eq(ending.by),
        dsl::state.eq(None::<String>),
    );
    macro_rules! end {
        ($rows:expr) => {
            diesel::update($rows)
                .set(set)
                .returning((
                    dsl::id,
                    dsl::user_id,
                    dsl::store_key,
                    dsl::end_reason,
                    dsl::end_note,
                    dsl::ended_by,
                ))
                .get_results::<Ended>(conn)?
        };
    }
    macro_rules! as_found {
        ($found:expr) => {{
            let keys = $found.iter().filter_map(|live| live.store_key.as_ref());
            live()
                .filter(dsl::id.eq_any($found.iter().map(|live| &live.id)))
                .filter(dsl::store_key.is_null().or(dsl::store_key.assume_not_null().eq_any(keys)))
        }};
    }
    let ended = match which {
        Which::Ids(ids) => end!(live().filter(dsl::id.eq_any(ids))),
        Which::Expired(found) => end!(as_found!(found).filter(dsl::expires_at.le(now()))),
        Which::Found(found) => end!(as_found!(found)),
        Which::Lost(store_keys) => end!(live().filter(dsl::store_key.eq_any(store_keys))),
        Which::OneOf { user, id } => end!(live().filter(dsl::id.eq(id)).filter(dsl::user_id.eq(user))),
        Which::AllBut { user, keep } => end!(live().filter(dsl::user_id.eq(user)).filter(dsl::id.ne(keep))),
        Which::AllOf { user } => end!(live().filter(dsl::user_id.eq(user))),
    };
    if in_store && !ended.is_empty() {
        note_pending(conn, &ended)?;
    }
    let detail = match &ending.note {
        Some(note) => format!("{}: {note}", ending.reason.name()),
        None => ending.reason.name().to_owned(),
    };
    let told = |session: &Ended| {
        Event::new(Kind::SessionEnded, Some(session.user_id))
            .by(ending.by)
            .session(&session.id)
            .from(ending.client.as_ref())
            .detail(detail.clone())
    };
    Event::write_all(conn, ended.iter().map(told).collect())?;
    Ok(ended)
}

/// Notes that the store has not confirmed yet that the entries of these sessions are gone.
fn note_pending(conn: &mut DbConnection, ended: &[Ended]) -> Result<(), Error> {
    sessions::table
        .filter(dsl::id.eq_any(ended.iter().map(|session| &session.id)))
        .select((dsl::id, dsl::user_id, dsl::store_key))
        .insert_into(pending_deletions::table)
        .into_columns((pending::session_id, pending::user_id, pending::store_key))
        .execute(conn)?;
    Ok(())
}

/// Notes that the store has confirmed the deletion of these sessions' entries.
pub fn confirm_deleted(conn: &mut DbConnection, ids: &[String]) -> Result<(), Error> {
    diesel::delete(pending_deletions::table.filter(pending::session_id.eq_any(ids))).execute(conn)?;
    Ok(())
}

/// The user's active sessions beyond the newest `keep`, oldest last: those that a limit ends.
pub fn beyond_limit(conn: &mut DbConnection, user: i64, keep: i64) -> Result<Vec<String>, Error> {
    Ok(sessions::table
        .filter(dsl::user_id.eq(user))
        .filter(dsl::ended_at.is_null())
        .order((dsl::created_at.desc(), dsl::id.desc()))
        .offset(keep)
        .limit(i64::from(i32::MAX))
        .select(dsl::id)
        .load(conn)?)
}

/// How many sessions are active: those that lists show.
pub fn active(conn: &mut DbConnection) -> Result<i64, Error> {
    Ok(sessions::table
        .filter(dsl::ended_at.is_null())
        .filter(dsl::store_key.is_not_null())
        .filter(dsl::expires_at.gt(now()))
        .count()
        .get_result(conn)?)
}

/// A session that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct Live {
    /// The public session id.
    pub id: String,
    /// Its entry in the store, if it got so far.
    pub store_key: Option<String>,
    /// When it ends if it isn't used.
    pub expires_at: PrimitiveDateTime,
    /// When the absolute limit ends it.
    pub absolute_expires_at: PrimitiveDateTime,
    /// The state, where the catalogue itself holds it.
    pub state: Option<String>,
}

/// Live sessions that the catalogue takes for expired, at most `limit`.
pub fn expired(conn: &mut DbConnection, limit: i64) -> Result<Vec<Live>, Error> {
    Ok(sessions::table
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.le(now()))
        .order(dsl::expires_at)
        .limit(limit)
        .select(Live::as_select())
        .load(conn)?)
}

/// Sessions whose sign-in was cut off before the store had their state.
pub fn never_stored(conn: &mut DbConnection, before: PrimitiveDateTime) -> Result<Vec<Live>, Error> {
    Ok(sessions::table
        .filter(dsl::ended_at.is_null())
        .filter(dsl::store_key.is_null())
        .filter(dsl::created_at.lt(before))
        .select(Live::as_select())
        .load(conn)?)
}

/// Ended sessions whose entry the store has not confirmed deleted, at most `limit`: id and store key.
pub fn unconfirmed(conn: &mut DbConnection, limit: i64) -> Result<Vec<(String, Option<String>)>, Error> {
    Ok(pending_deletions::table.limit(limit).select((pending::session_id, pending::store_key)).load(conn)?)
}

/// The same of one user, all of them.
pub fn unconfirmed_of(conn: &mut DbConnection, user: i64) -> Result<Vec<Ended>, Error> {
    let pending = pending_deletions::table.filter(pending::user_id.eq(user)).select(pending::session_id);
    Ok(sessions::table
        .filter(dsl::id.eq_any(pending))
        .select((dsl::id, dsl::user_id, dsl::store_key, dsl::end_reason, dsl::end_note, dsl::ended_by))
        .load(conn)?)
}

/// Sessions that have not ended, in the order of their ids, at most `limit` after the given one.
pub fn live_after(conn: &mut DbConnection, after: &str, limit: i64) -> Result<Vec<Live>, Error> {
    Ok(sessions::table
        .filter(dsl::ended_at.is_null())
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select(Live::as_select())
        .load(conn)?)
}

/// Postpones the expiry of a session that the store still has.
pub fn postpone(conn: &mut DbConnection, id: &str, expires_at: PrimitiveDateTime) -> Result<(), Error> {
    diesel::update(sessions::table.find(id)).set(dsl::expires_at.eq(expires_at)).execute(conn)?;
    Ok(())
}
