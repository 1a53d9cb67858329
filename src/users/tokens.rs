//! One-time links with which somebody chooses a password: for who was invited, and for who forgot theirs. The link
//! holds a random token; only its SHA-256 is kept.

use diesel::prelude::*;
use url::Url;

use super::user::User;
use crate::{
    db::{
        DbConnection, now,
        schema::{tokens, users},
    },
    error::Error,
    security::{random_url_safe, sha256_hex},
};

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The first password of somebody invited. It stays in the table until it is used or replaced, also when its time
    /// is over: that is what makes an account an invited one.
    Invite,
    /// A new password in place of a forgotten one.
    Reset,
}

impl Purpose {
    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Reset => "reset",
        }
    }

    /// How long a link works.
    pub fn lifetime(self) -> time::Duration {
        match self {
            Self::Invite => time::Duration::days(7),
            Self::Reset => time::Duration::hours(1),
        }
    }

    /// The same in words.
    pub fn lifetime_in_words(self) -> &'static str {
        match self {
            Self::Invite => "7 days",
            Self::Reset => "one hour",
        }
    }
}

/// Makes a token for the user; an earlier one of the same purpose is dead. Whoever's links for a new password were never
/// used and work no more are forgotten with it.
pub fn offer(conn: &mut DbConnection, user: i64, purpose: Purpose) -> Result<String, Error> {
    let token = random_url_safe::<TOKEN_BYTES>();
    let at = now();
    withdraw(conn, user, purpose)?;
    let over = tokens::purpose.eq(Purpose::Reset.name()).and(tokens::expires_at.le(at));
    diesel::delete(tokens::table.filter(over)).execute(conn)?;
    diesel::insert_into(tokens::table)
        .values((
            tokens::token_hash.eq(sha256_hex(&token)),
            tokens::purpose.eq(purpose.name()),
            tokens::user_id.eq(user),
            tokens::created_at.eq(at),
            tokens::expires_at.eq(at.saturating_add(purpose.lifetime())),
        ))
        .execute(conn)?;
    Ok(token)
}

/// The address where the token is used, built from `BASE_URL` and never from the request's `Host`.
pub fn link(base_url: &Url, token: &str) -> String {
    format!("{}/password/reset?token={token}", base_url.as_str().trim_end_matches('/'))
}

/// The active user whose token this is, while it works, and what it is for.
pub fn owner(conn: &mut DbConnection, token: &str) -> Result<Option<(User, Purpose)>, Error> {
    let purposes = [Purpose::Invite, Purpose::Reset];
    let found: Option<(User, String)> = tokens::table
        .inner_join(users::table)
        .filter(tokens::token_hash.eq(sha256_hex(token)))
        .filter(tokens::purpose.eq_any(purposes.map(Purpose::name)))
        .filter(tokens::expires_at.gt(now()))
        .filter(users::active)
        .select((users::all_columns, tokens::purpose))
        .first(conn)
        .optional()?;
    Ok(found.and_then(|(user, name)| {
        let purpose = purposes.into_iter().find(|purpose| purpose.name() == name)?;
        Some((user, purpose))
    }))
}

/// Uses the token up; `false` when somebody else was quicker or its time is over.
pub fn take(conn: &mut DbConnection, token: &str) -> Result<bool, Error> {
    let token = tokens::table.find(sha256_hex(token)).filter(tokens::expires_at.gt(now()));
    Ok(diesel::delete(token).execute(conn)? == 1)
}

/// Ends the user's links of one purpose.
pub fn withdraw(conn: &mut DbConnection, user: i64, purpose: Purpose) -> Result<(), Error> {
    let own = tokens::table.filter(tokens::user_id.eq(user)).filter(tokens::purpose.eq(purpose.name()));
    diesel::delete(own).execute(conn)?;
    Ok(())
}

/// Ends all of the user's links.
pub fn withdraw_all(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    diesel::delete(tokens::table.filter(tokens::user_id.eq(user))).execute(conn)?;
    Ok(())
}

/// Of these users, those who were invited and have not chosen a password yet.
pub fn invited(conn: &mut DbConnection, users: &[i64]) -> Result<Vec<i64>, Error> {
    Ok(tokens::table
        .filter(tokens::purpose.eq(Purpose::Invite.name()))
        .filter(tokens::user_id.eq_any(users))
        .select(tokens::user_id.assume_not_null())
        .load(conn)?)
}
