//! Passwords that are set without the old one: with a one-time link, by somebody invited or who forgot theirs, or by an
//! operator. The pages and the command line share these verbs.

use super::administer::{Actor, forget};
use crate::{
    db::{Db, DbConnection},
    error::Error,
    events::Kind,
    security::Client,
    sessions::{
        EndReason, Ends, Sessions, Which,
        catalogue::rows::{self, Ended},
    },
    users::{
        NewUser, User,
        tokens::{self, Purpose},
    },
};

/// A one-time link that was made.
pub struct Link {
    /// Whose it is.
    pub user: User,
    /// What the link holds.
    pub token: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// Makes an account whose owner chooses the password with the link. `new` has a hash that no password fits.
///
/// # Errors
/// A unique violation when the address is taken.
pub async fn invite(db: &Db, new: NewUser, by: Actor) -> Result<Link, Error> {
    db.transaction(move |conn| {
        by.check(conn)?;
        let user = User::create(conn, &new)?;
        by.event(Kind::Invited, user.id, Some(new.role.name())).write(conn)?;
        let token = tokens::offer(conn, user.id, Purpose::Invite)?;
        Ok(Link { user, token, purpose: Purpose::Invite })
    })
    .await
}

/// Makes a new link: an invitation for who has not chosen a password yet, else one to replace the password, which
/// goes on working until then. `None` for an account that may not sign in.
///
/// # Errors
/// [`Error::NotFound`] when there is no such account.
pub async fn make_link(db: &Db, id: i64, by: Actor) -> Result<Option<Link>, Error> {
    db.transaction(move |conn| {
        // The lock keeps a deactivation from coming in between.
        let (user, _) = User::lock_with_administrators(conn, id)?;
        by.check(conn)?;
        if !user.active {
            return Ok(None);
        }
        let invited = !tokens::invited(conn, &[id])?.is_empty();
        let purpose = if invited { Purpose::Invite } else { Purpose::Reset };
        by.event(Kind::ResetLinkMade, id, invited.then_some("invitation")).write(conn)?;
        let token = tokens::offer(conn, id, purpose)?;
        Ok(Some(Link { user, token, purpose }))
    })
    .await
}

/// Sets a password that an operator chose, and ends all sessions.
///
/// # Errors
/// [`Error::NotFound`] when there is no such account.
pub async fn set_password(
    db: &Db,
    sessions: &Sessions,
    id: i64,
    hash: String,
    by: Actor,
) -> Result<Ends, Error> {
    let in_store = sessions.has_entries();
    let ended = db
        .transaction(move |conn| {
            User::set_password(conn, id, &hash)?;
            password_was_set(conn, id, &by, in_store)
        })
        .await?;
    Ok(forget(sessions, &ended).await)
}

/// Sets the password that the owner of a link chose, uses the link up, and ends all sessions. `None` when the link
/// does not work: of two that use it at once, one gets that.
pub async fn choose_password(
    db: &Db,
    sessions: &Sessions,
    token: String,
    hash: String,
    client: Client,
) -> Result<Option<Ends>, Error> {
    let in_store = sessions.has_entries();
    let chosen = db.transaction(move |conn| {
        let (user, _) = tokens::owner(conn, &token)?.ok_or(Error::NotFound)?;
        // The user's row comes first, as everywhere; an error undoes the change.
        if !User::set_password(conn, user.id, &hash)? || !tokens::take(conn, &token)? {
            return Err(Error::NotFound);
        }
        let by = Actor { user: Some(user.id), session: None, client: Some(client) };
        password_was_set(conn, user.id, &by, in_store)
    });
    match chosen.await {
        Ok(ended) => Ok(Some(forget(sessions, &ended).await)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn password_was_set(
    conn: &mut DbConnection,
    id: i64,
    by: &Actor,
    in_store: bool,
) -> Result<Vec<Ended>, Error> {
    tokens::withdraw_all(conn, id)?;
    by.event(Kind::PasswordReset, id, None).write(conn)?;
    let ending = by.ending(EndReason::PasswordChanged, None);
    rows::end(conn, &Which::AllOf { user: id }, &ending, in_store)
}
