//! The state of a passkey's ceremony between its two messages. The page holds it, encrypted; it is good for five minutes, for one
//! purpose, and once.
//!
//! Nothing is stored for a ceremony that is only begun, so that strangers can't fill the database with them.

use diesel::{prelude::*, sql_query, sql_types};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::totp::SecondFactorKeys;
use crate::{
    clock::{now, unix_now},
    crypto::sha256_hex,
    db::{DbConnection, schema::used_ceremonies},
    error::Error,
};

/// How long a state is good, in seconds.
pub(super) const LIFETIME: i64 = 5 * 60;

/// What it is encrypted under.
const NAME: &str = "gatehouse-passkey";

/// What a ceremony is for. Its state is good for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To sign in with the passkey alone.
    SignIn,
    /// To complete the sign-in with this state.
    SecondStep(String),
    /// To be checked again, in the session with this id.
    Confirm(String),
    /// To add a passkey, in the session with this id.
    Add(String),
}

/// The state between the two messages.
#[derive(Serialize, Deserialize)]
pub(super) struct State<T> {
    purpose: Purpose,
    /// Seconds since 1970.
    begun_at: i64,
    /// Of a registration, hex: the number by which the authenticator will know the user.
    pub(super) user_handle: Option<String>,
    /// That of the library.
    pub(super) inner: T,
}

impl<T> State<T> {
    pub(super) fn new(purpose: Purpose, user_handle: Option<String>, inner: T) -> Self {
        Self { purpose, begun_at: unix_now(), user_handle, inner }
    }
}

/// A ceremony that is to be completed. [`UnusedCeremony::use_up`] goes into the transaction of what comes of it.
#[derive(Debug, Clone)]
pub struct UnusedCeremony {
    id: String,
    expires_at: PrimitiveDateTime,
}

impl UnusedCeremony {
    /// Uses the ceremony up; `false`: it was used before.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn use_up(&self, conn: &mut DbConnection) -> Result<bool, Error> {
        let insert = sql_query(
            "INSERT INTO used_ceremonies (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        );
        let insert = insert.bind::<sql_types::Text, _>(&self.id);
        Ok(insert.bind::<sql_types::Timestamp, _>(self.expires_at).execute(conn)? == 1)
    }
}

/// Forgets ceremonies that are too old by themselves, at most `limit`. Returns whether there may be more.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn delete_expired(conn: &mut DbConnection, limit: i64) -> Result<bool, Error> {
    // Clocks of instances may differ.
    let before = now().saturating_sub(time::Duration::hours(1));
    let over: Vec<String> = used_ceremonies::table
        .filter(used_ceremonies::expires_at.le(before))
        .limit(limit)
        .select(used_ceremonies::id)
        .load(conn)?;
    if over.is_empty() {
        return Ok(false);
    }
    let rows = used_ceremonies::table.filter(used_ceremonies::id.eq_any(&over));
    let deleted = diesel::delete(rows).execute(conn)?;
    Ok(i64::try_from(deleted).unwrap_or(limit) >= limit)
}

/// Encrypts a state.
pub(super) fn seal<T: Serialize>(keys: &SecondFactorKeys, state: &State<T>) -> Result<String, Error> {
    keys.seal(NAME, &serde_json::to_string(state).map_err(Error::internal)?)
}

/// The state that was encrypted, if it is for this purpose and not too old.
pub(super) fn open<T: DeserializeOwned>(
    keys: &SecondFactorKeys,
    purpose: &Purpose,
    sealed: &str,
) -> Option<(UnusedCeremony, State<T>)> {
    let text = keys.open(NAME, sealed)?;
    let state: State<T> = serde_json::from_str(&text).ok()?;
    let expires_at = state.begun_at.checked_add(LIFETIME)?;
    let (now, begun_at) = (unix_now(), state.begun_at);
    // One that began later than now was begun by a clock that was wrong.
    if state.purpose != *purpose || now > expires_at || begun_at > now.saturating_add(LIFETIME) {
        return None;
    }
    let expires_at = OffsetDateTime::from_unix_timestamp(expires_at).ok()?;
    let expires_at = PrimitiveDateTime::new(expires_at.date(), expires_at.time());
    // Of the text and not of what was sent, which can be written in several ways.
    Some((UnusedCeremony { id: sha256_hex(&text), expires_at }, state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::totp::keys_for_tests as keys;

    fn opens(keys: &SecondFactorKeys, purpose: &Purpose, sealed: &str) -> bool {
        open::<i32>(keys, purpose, sealed).is_some()
    }

    #[test]
    fn ceremony_is_good_for_five_minutes() {
        let keys = keys();
        for (age, is_good) in
            [(0, true), (LIFETIME - 2, true), (LIFETIME + 1, false), (86_400, false), (-86_400, false)]
        {
            let begun_at = unix_now() - age;
            let state = State { begun_at, ..State::new(Purpose::SignIn, None, 7) };
            let sealed = seal(&keys, &state).unwrap();
            assert_eq!(opens(&keys, &Purpose::SignIn, &sealed), is_good, "{age}");
        }
    }

    #[test]
    fn ceremony_is_good_for_its_purpose_and_session_alone() {
        let keys = keys();
        let purposes = || {
            let of = |name: &str| name.to_owned();
            [
                Purpose::SignIn,
                Purpose::SecondStep(of("a")),
                Purpose::SecondStep(of("b")),
                Purpose::Confirm(of("a")),
                Purpose::Confirm(of("b")),
                Purpose::Add(of("a")),
                Purpose::Add(of("b")),
            ]
        };
        for purpose in purposes() {
            let sealed = seal(&keys, &State::new(purpose.clone(), None, 7)).unwrap();
            for other in purposes() {
                assert_eq!(opens(&keys, &other, &sealed), other == purpose, "{purpose:?} {other:?}");
            }
        }
    }
}
