//! Deleting one's account with all its sessions.

use actix_session::SessionExt as _;
use actix_web::HttpRequest;

use super::service::Accounts;
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::{
        CurrentUser, EndReason, EndRequest, Target,
        catalogue::{
            end::{self, Ended},
            rows,
        },
    },
    users::User,
};

/// Rounds of ending sessions and deleting their entries: sign-ins may come in between, but not forever.
const ROUNDS: usize = 3;

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The account and its sessions were deleted.
    Done,
    /// It is the only active administrator's, so it was not deleted.
    LastAdministrator,
}

/// How far one round got.
enum Round {
    /// The account was deleted, and with it these sessions, none of which has an entry in a store of its own.
    Deleted(Vec<Ended>),
    /// Its sessions have ended, but the store still holds entries of these.
    DeleteEntries(Vec<Ended>),
    /// It is the only active administrator's.
    LastAdministrator,
}

impl Accounts {
    /// Deletes the account of the signed-in user, whose password has been checked.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile; [`Error::Unavailable`] when the store doesn't confirm that the
    /// sessions' entries are deleted: then the account stays, since its rows say what is left to delete.
    pub async fn delete(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        client: Client,
    ) -> Result<Deletion, Error> {
        // Nothing is begun that could not be finished.
        self.sessions.check().await?;
        let in_store = self.sessions.has_entries();
        let mut session = Some(user.session.id.clone());
        for _ in 0..ROUNDS {
            let (id, session, client) = (user.id, session.take(), client.clone());
            let round =
                self.db.transaction(move |conn| round(conn, id, session.as_deref(), client, in_store));
            match round.await? {
                Round::Deleted(ended) => {
                    self.sessions.bus().ended(&ended);
                    req.get_session().purge();
                    return Ok(Deletion::Done);
                }
                Round::LastAdministrator => return Ok(Deletion::LastAdministrator),
                Round::DeleteEntries(ended) => {
                    if !self.sessions.announce_and_delete(&ended).await.confirmed {
                        return Err(Error::unavailable(
                            "the store has not confirmed the end of the sessions",
                        ));
                    }
                }
            }
        }
        Err(Error::unavailable("somebody signs in to the account again and again"))
    }
}

/// Ends all sessions, and deletes the account once the store holds no entry of them. `session`: the one of the request, which
/// must be live in the first round.
fn round(
    conn: &mut DbConnection,
    id: i64,
    session: Option<&str>,
    client: Client,
    in_store: bool,
) -> Result<Round, Error> {
    let (_, only_administrator) = User::lock_with_administrators(conn, id)?;
    if let Some(session) = session
        && !rows::is_live(conn, session)?
    {
        return Err(Error::SignInFirst);
    }
    if only_administrator {
        return Ok(Round::LastAdministrator);
    }
    User::raise_epoch(conn, id)?;
    let request = EndRequest::by_user(EndReason::Logout, id, client.clone());
    let ended = end::end(conn, &Target::AllOf { user: id }, &request, in_store)?;
    let unconfirmed = end::unconfirmed_of(conn, id)?;
    if !unconfirmed.is_empty() {
        return Ok(Round::DeleteEntries(unconfirmed));
    }
    Event::new(EventKind::AccountDeleted, Some(id)).from(Some(&client)).write(conn)?;
    User::delete(conn, id)?;
    Ok(Round::Deleted(ended))
}
