//! The account of `gatehouse drill`, and the record of a run.

use super::service::Accounts;
use crate::{
    db::DbConnection,
    error::Error,
    events::{Drill, Event, EventKind},
    users::{NewUser, Role, User, canary, password::NO_PASSWORD},
};

/// Whether the drill's account can be signed in.
pub enum Canary {
    /// It can.
    Ready(Box<User>),
    /// Somebody has made it an administrator: a session that is started without a password must not be one's.
    Administrator,
    /// Somebody has deactivated it.
    Deactivated,
}

impl Accounts {
    /// The account that the drill signs in, which is made at the first run. No password fits it afterwards, whoever has chosen one. It
    /// counts as one with a second factor, so that a site that requires them shows it pages.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached.
    pub async fn canary(&self) -> Result<Canary, Error> {
        let ready = |conn: &mut DbConnection| {
            let id = match User::by_email(conn, canary::ADDRESS)? {
                Some(user) => user.id,
                None => make(conn)?,
            };
            let user = User::lock(conn, id)?;
            if user.role == Role::Admin {
                return Ok(Canary::Administrator);
            }
            if !user.active {
                return Ok(Canary::Deactivated);
            }
            if user.password_hash != NO_PASSWORD {
                User::set_password(conn, id, NO_PASSWORD)?;
            }
            let user = User::by_id(conn, id)?;
            if !user.second_factor {
                let has_one = true;
                User::set_second_factor(conn, id, user.session_epoch, has_one)?;
            }
            Ok(Canary::Ready(Box::new(User::by_id(conn, id)?)))
        };
        self.db.transaction(ready).await
    }

    /// Records a run of the drill. `summary`: what came of it, for the security log.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached.
    pub async fn record_drill(&self, user: i64, drill: Drill, summary: String) -> Result<(), Error> {
        self.db.transaction(move |conn| drill.record(conn, user, summary)).await
    }
}

/// Makes the account; returns its id.
fn make(conn: &mut DbConnection) -> Result<i64, Error> {
    let id = User::new_id(conn)?;
    let new = NewUser {
        name: canary::NAME.to_owned(),
        email: canary::ADDRESS.to_owned(),
        password_hash: NO_PASSWORD.to_owned(),
        role: Role::User,
        email_confirmed: false,
    };
    User::create(conn, id, &new)?;
    Event::new(EventKind::Registered, Some(id)).by(None).detail("drill").write(conn)?;
    Ok(id)
}
