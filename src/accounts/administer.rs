//! What administrators and operators change about an account: its role, whether it may sign in, its sessions. The
//! pages and the command line share these verbs.

use diesel::prelude::*;

use crate::{
    db::{Db, DbConnection, now, schema::users},
    error::Error,
    events::{Event, Kind},
    security::Client,
    sessions::{
        Administrator, EndReason, Ending, Ends, Sessions, Which,
        catalogue::rows::{self, Ended},
    },
    users::{
        Role, User,
        tokens::{self, Purpose},
    },
};

/// Who changes an account, and from where.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The user; `None`: an operator on the command line.
    pub user: Option<i64>,
    /// The session of an administrator who asks on a page; `None`: whoever asks needs none.
    pub session: Option<String>,
    /// Where it is done from.
    pub client: Option<Client>,
}

impl Actor {
    /// An operator on the command line.
    pub const OPERATOR: Self = Self { user: None, session: None, client: None };

    /// An administrator on a page.
    pub fn administrator(admin: &Administrator, client: Client) -> Self {
        Self { user: Some(admin.id), session: Some(admin.session.id.clone()), client: Some(client) }
    }

    /// Looks whether an administrator who asks on a page still is one, signed in. Inside the transaction of the
    /// change, once it holds its locks: what it waited for may have been the end of that.
    ///
    /// # Errors
    /// As [`catalogue::check_administrator`].
    pub fn check(&self, conn: &mut DbConnection) -> Result<(), Error> {
        self.session.as_deref().map_or(Ok(()), |session| rows::check_administrator(conn, session))
    }

    pub(crate) fn event(&self, kind: Kind, user: i64, detail: Option<&str>) -> Event {
        let event = Event::new(kind, Some(user)).by(self.user).from(self.client.as_ref());
        match (detail, self.user) {
            (Some(detail), _) => event.detail(detail),
            (None, Some(_)) => event,
            (None, None) => event.detail("command line"),
        }
    }

    pub(crate) fn ending(&self, reason: EndReason, note: Option<String>) -> Ending {
        Ending { reason, by: self.user, note, client: self.client.clone() }
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was made; so many sessions ended with it.
    Done(Ends),
    /// It was so already.
    Nothing,
    /// It would leave the site without an active administrator, so it was not made.
    LastAdministrator,
}

/// Changes the role. It counts at the person's next request, since every request reads it. Sessions stay; the raised
/// `session_epoch` makes each of them take a new key at that request, and stops sign-ins that are under way.
///
/// # Errors
/// [`Error::NotFound`] when there is no such account.
pub async fn set_role(db: &Db, id: i64, role: Role, by: Actor) -> Result<Change, Error> {
    db.transaction(move |conn| {
        let (user, only_administrator) = User::lock_with_administrators(conn, id)?;
        by.check(conn)?;
        if user.role == role.name() {
            return Ok(Change::Nothing);
        }
        if only_administrator {
            return Ok(Change::LastAdministrator);
        }
        diesel::update(users::table.find(id))
            .set((
                users::role.eq(role.name()),
                users::session_epoch.eq(users::session_epoch + 1),
                users::updated_at.eq(now()),
            ))
            .execute(conn)?;
        by.event(Kind::RoleChanged, id, Some(role.name())).write(conn)?;
        Ok(Change::Done(Ends { count: 0, confirmed: true }))
    })
    .await
}

/// Forbids signing in and ends all sessions. Links to set a new password die; an invitation sleeps.
///
/// # Errors
/// [`Error::NotFound`] when there is no such account.
pub async fn deactivate(db: &Db, sessions: &Sessions, id: i64, by: Actor) -> Result<Change, Error> {
    let in_store = sessions.has_entries();
    let done = db.transaction(move |conn| deactivate_now(conn, id, &by, in_store)).await?;
    Ok(match done {
        Ok(ended) => Change::Done(forget(sessions, &ended).await),
        Err(change) => change,
    })
}

fn deactivate_now(
    conn: &mut DbConnection,
    id: i64,
    by: &Actor,
    in_store: bool,
) -> Result<Result<Vec<Ended>, Change>, Error> {
    let (user, only_administrator) = User::lock_with_administrators(conn, id)?;
    by.check(conn)?;
    if !user.active {
        return Ok(Err(Change::Nothing));
    }
    if only_administrator {
        return Ok(Err(Change::LastAdministrator));
    }
    diesel::update(users::table.find(id))
        .set((
            users::active.eq(false),
            users::session_epoch.eq(users::session_epoch + 1),
            users::updated_at.eq(now()),
        ))
        .execute(conn)?;
    tokens::withdraw(conn, id, Purpose::Reset)?;
    by.event(Kind::Deactivated, id, None).write(conn)?;
    let ending = by.ending(EndReason::UserDeactivated, None);
    rows::end(conn, &Which::AllOf { user: id }, &ending, in_store).map(Ok)
}

/// Lets the person sign in again. Sessions that ended stay ended.
///
/// # Errors
/// [`Error::NotFound`] when there is no such account.
pub async fn activate(db: &Db, id: i64, by: Actor) -> Result<Change, Error> {
    db.transaction(move |conn| {
        let inactive = users::table.find(id).filter(users::active.eq(false));
        let set = (users::active.eq(true), users::updated_at.eq(now()));
        let changed = diesel::update(inactive).set(set).execute(conn)? > 0;
        by.check(conn)?;
        if !changed {
            User::by_id(conn, id)?;
            return Ok(Change::Nothing);
        }
        by.event(Kind::Activated, id, None).write(conn)?;
        Ok(Change::Done(Ends { count: 0, confirmed: true }))
    })
    .await
}

/// Ends all sessions of a user but, where it is one's own account, the given one; no sign-in under way gives
/// another. The result has the new `session_epoch`, which a session that stays must hear of.
///
/// # Errors
/// [`Error::NotFound`] when there is no such account.
pub async fn end_sessions(
    db: &Db,
    sessions: &Sessions,
    which: Which,
    id: i64,
    note: Option<String>,
    by: Actor,
) -> Result<(i64, Ends), Error> {
    let in_store = sessions.has_entries();
    let ending = by.ending(EndReason::EndedByAdmin, note);
    let (epoch, ended) = db
        .transaction(move |conn| {
            let epoch = User::raise_epoch(conn, id)?;
            by.check(conn)?;
            Ok((epoch, rows::end(conn, &which, &ending, in_store)?))
        })
        .await?;
    Ok((epoch, forget(sessions, &ended).await))
}

/// Deletes the store's entries of sessions that a change has ended.
pub(crate) async fn forget(sessions: &Sessions, ended: &[Ended]) -> Ends {
    Ends { count: ended.len(), confirmed: sessions.forget(ended).await }
}
