//! What administrators and operators change about an account: its role, whether it may sign in, its sessions.

use super::{actor::Actor, notice_letters::NewAdministrator, service::Accounts, sign_up::NewAccount};
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    sessions::catalogue::due,
    sessions::{
        EndOutcome, EndReason, Remarks, Target,
        catalogue::{
            end::{self, Ended},
            rows,
        },
    },
    users::{NewUser, Role, User},
};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was made; these sessions ended with it.
    Done(EndOutcome),
    /// It was so already.
    Unchanged,
    /// It would leave the site without an active administrator, so it was not made.
    LastAdministrator,
}

impl Accounts {
    /// Makes an account with a password, from the command line, whose operator vouches for the address. `None` when the address is taken.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] when the password is not good enough; [`Error::Unavailable`] when the database can't be reached.
    pub async fn create(&self, new: NewAccount, role: Role) -> Result<Option<User>, Error> {
        let new = NewUser { email_confirmed: true, ..self.new_user(new, role, None).await? };
        let notices = self.notices();
        let create = move |conn: &mut DbConnection| {
            let id = User::new_id(conn)?;
            let user = User::create(conn, id, &new)?;
            let kind = match role {
                Role::Admin => EventKind::AdministratorMade,
                Role::User => EventKind::Registered,
            };
            Event::new(kind, Some(user.id)).by(None).detail("command line").write(conn)?;
            if role == Role::Admin {
                notices.administrator_made(conn, &user, NewAdministrator::Made, &Actor::OPERATOR)?;
            }
            Ok(user)
        };
        match self.db.transaction(create).await {
            Ok(user) => Ok(Some(user)),
            Err(Error::AddressTaken) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Checks that the actor still may administer, for an answer that changes nothing.
    ///
    /// # Errors
    /// As [`Actor::check`].
    pub async fn check_actor(&self, by: Actor) -> Result<(), Error> {
        self.db.run(move |conn| by.check(conn)).await
    }

    /// Changes the role, which counts at the person's next request, since every request reads it. Sessions stay; the raised
    /// `session_epoch` makes each of them take a new key at that request, and stops sign-ins in progress. One-time links are withdrawn. The other administrators are told of a new one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub async fn set_role(&self, id: i64, role: Role, by: Actor) -> Result<Change, Error> {
        let (notices, absolute_ttl) = (self.notices(), self.sessions.absolute_ttl(role));
        let change = move |conn: &mut DbConnection| {
            let (user, only_administrator) = User::lock_with_administrators(conn, id)?;
            by.check(conn)?;
            if user.role == role {
                return Ok(Change::Unchanged);
            }
            if only_administrator {
                return Ok(Change::LastAdministrator);
            }
            User::set_role(conn, id, role)?;
            due::set_absolute_ttl(conn, id, absolute_ttl)?;
            by.event(EventKind::RoleChanged, id, Some(role.name())).write(conn)?;
            if role == Role::Admin {
                notices.administrator_made(conn, &user, NewAdministrator::Promoted, &by)?;
            }
            Ok(Change::Done(EndOutcome::NONE))
        };
        let change = self.db.transaction(change).await?;
        self.outbox.send_soon();
        Ok(self.announce(change))
    }

    /// Forbids signing in, ends all sessions and withdraws all one-time links.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub async fn deactivate(&self, id: i64, remarks: Remarks, by: Actor) -> Result<Change, Error> {
        let in_store = self.sessions.has_entries();
        match self.db.transaction(move |conn| deactivate(conn, id, remarks, &by, in_store)).await? {
            Ok(ended) => {
                let outcome = self.sessions.announce_and_delete(&ended).await;
                Ok(self.announce(Change::Done(outcome)))
            }
            Err(change) => Ok(change),
        }
    }

    /// Lets the person sign in again. Sessions that ended stay ended.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub async fn activate(&self, id: i64, by: Actor) -> Result<Change, Error> {
        let change = move |conn: &mut DbConnection| {
            let changed = User::activate(conn, id)?;
            by.check(conn)?;
            if !changed {
                return Ok(Change::Unchanged);
            }
            by.event(EventKind::Activated, id, None).write(conn)?;
            Ok(Change::Done(EndOutcome::NONE))
        };
        let change = self.db.transaction(change).await?;
        Ok(self.announce(change))
    }

    /// Ends all sessions of a user but `keep`, which is the actor's own; sign-ins in progress start no session. Returns
    /// the new `session_epoch` too, which a session that is kept must adopt.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account.
    pub async fn end_sessions_of(
        &self,
        user: i64,
        keep: Option<String>,
        remarks: Remarks,
        by: Actor,
    ) -> Result<(i64, EndOutcome), Error> {
        let in_store = self.sessions.has_entries();
        let target = match keep {
            Some(keep) => Target::AllBut { user, keep },
            None => Target::AllOf { user },
        };
        let request = by.end_request(EndReason::EndedByAdmin, remarks);
        let change = move |conn: &mut DbConnection| {
            let epoch = User::raise_epoch(conn, user)?;
            by.check(conn)?;
            Ok((epoch, end::end(conn, &target, &request, in_store)?))
        };
        let (epoch, ended) = self.db.transaction(change).await?;
        Ok((epoch, self.sessions.announce_and_delete(&ended).await))
    }

    /// Ends one session, of anybody.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such session; also as [`Actor::check`].
    pub async fn end_session(&self, id: String, remarks: Remarks, by: Actor) -> Result<EndOutcome, Error> {
        let in_store = self.sessions.has_entries();
        let request = by.end_request(EndReason::EndedByAdmin, remarks);
        let change = move |conn: &mut DbConnection| {
            rows::lock(conn, &id)?;
            by.check(conn)?;
            end::end(conn, &Target::Ids(vec![id]), &request, in_store)
        };
        let ended = self.db.transaction(change).await?;
        Ok(self.sessions.announce_and_delete(&ended).await)
    }

    /// Lets open administration pages check their rights again after a change.
    fn announce(&self, change: Change) -> Change {
        if let Change::Done(_) = change {
            self.sessions.bus().accounts_changed();
        }
        change
    }
}

fn deactivate(
    conn: &mut DbConnection,
    id: i64,
    remarks: Remarks,
    by: &Actor,
    in_store: bool,
) -> Result<Result<Vec<Ended>, Change>, Error> {
    let (user, only_administrator) = User::lock_with_administrators(conn, id)?;
    by.check(conn)?;
    if !user.active {
        return Ok(Err(Change::Unchanged));
    }
    if only_administrator {
        return Ok(Err(Change::LastAdministrator));
    }
    User::deactivate(conn, id)?;
    let event = by.event(EventKind::Deactivated, id, remarks.message.as_deref());
    event.note(remarks.note.clone()).write(conn)?;
    let request = by.end_request(EndReason::UserDeactivated, remarks);
    end::end(conn, &Target::AllOf { user: id }, &request, in_store).map(Ok)
}
