//! Deleting one's account with all its sessions, and all else that is stored of the person.

use actix_session::SessionExt as _;
use actix_web::HttpRequest;

use super::{notices::Notices, service::Accounts};
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind, forget_texts},
    mail::Outbox,
    security::Client,
    sessions::{
        CurrentUser, EndReason, EndRequest, Target,
        catalogue::{
            end::{self, Ended},
            rotated_keys, rows,
        },
    },
    users::User,
};

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The account and its sessions were deleted.
    Done,
    /// It is the only active administrator's, so it was not deleted.
    LastAdministrator,
}

impl Accounts {
    /// Deletes the account of the signed-in user, whose password has been checked, and tells its address. Of the security log, what
    /// happened stays under the number of the account, without what somebody has written about it. The entries of its sessions in the store are of
    /// no use without it; what the store does not confirm deleted is retried.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile.
    pub async fn delete(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        client: Client,
    ) -> Result<Deletion, Error> {
        let in_store = self.sessions.has_entries();
        let (id, session, notices) = (user.id, user.session.id.clone(), self.notices());
        let delete = move |conn: &mut DbConnection| delete(conn, id, &session, client, in_store, &notices);
        let Some(ended) = self.db.transaction(delete).await? else {
            return Ok(Deletion::LastAdministrator);
        };
        self.outbox.send_soon();
        self.throttle.forget_account(id).await;
        self.sessions.announce_and_delete(&ended).await;
        req.get_session().purge();
        Ok(Deletion::Done)
    }
}

/// Ends all sessions and deletes the account. Returns `None` when it is the only active administrator's. `session`: the one of the
/// request.
fn delete(
    conn: &mut DbConnection,
    id: i64,
    session: &str,
    client: Client,
    in_store: bool,
    notices: &Notices,
) -> Result<Option<Vec<Ended>>, Error> {
    let (user, only_administrator) = User::lock_with_administrators(conn, id)?;
    if !rows::is_live(conn, session)? {
        return Err(Error::SignInFirst);
    }
    if only_administrator {
        return Ok(None);
    }
    let request = EndRequest::by_user(EndReason::Logout, id, client.clone());
    let ended = end::end(conn, &Target::AllOf { user: id }, &request, in_store)?;
    forget_texts(conn, id)?;
    Outbox::forget(conn, id)?;
    notices.account_deleted(conn, &user, &client)?;
    Event::new(EventKind::AccountDeleted, Some(id)).from(Some(&client)).write(conn)?;
    rotated_keys::delete_of_user(conn, id)?;
    User::delete(conn, id)?;
    Ok(Some(ended))
}
