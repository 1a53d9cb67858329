//! What users change about their own account and sessions.

use actix_session::SessionExt as _;
use actix_web::HttpRequest;

use super::service::Accounts;
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::{
        CurrentUser, EndOutcome, EndReason, EndRequest, Page, StateChange, Target,
        catalogue::{
            cursor::Cursor,
            end,
            filter::{Filter, ListQuery},
            list::{self, ListedSession},
            rows,
            site_cookies::SiteUse,
        },
    },
    users::User,
};

/// What became of the end of one of a user's own sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnEnd {
    /// It was the session of the request: the browser is signed out.
    SignedOut,
    /// It was another one.
    Other(EndOutcome),
}

impl Accounts {
    /// Changes the user's name, if it is another one. `name` has been checked.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile; [`Error::Throttled`] after too many changes.
    pub async fn change_name(&self, user: &CurrentUser, name: &str, client: Client) -> Result<(), Error> {
        let (id, session, name) = (user.id, user.session.id.clone(), name.trim().to_owned());
        if name == user.name {
            return Ok(());
        }
        let (attempt, from) = (self.throttle.change(id).await?, client.clone());
        let change = move |conn: &mut DbConnection| {
            check_live(conn, &session)?;
            User::set_name(conn, id, &name)?;
            Event::new(EventKind::NameChanged, Some(id)).session(&session).from(Some(&client)).write(conn)
        };
        self.db.transaction(change).await?;
        self.count_done(attempt, id, &from).await;
        Ok(())
    }

    /// Changes the password, ends the user's other sessions, gives this one a new key, and tells the address of the account. `proven`
    /// is the hash that [`Accounts::password_again`] returned.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] when the new one is not good enough; [`Error::Busy`] when too many passwords wait;
    /// [`Error::SignInFirst`] when the session ended or the password was changed meanwhile.
    pub async fn change_password(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        proven: String,
        new: String,
        client: Client,
    ) -> Result<EndOutcome, Error> {
        let hash = self.hash_new(new, [&user.name, &user.email], Some(&client)).await?;
        let in_store = self.sessions.has_entries();
        let (id, session, notices) = (user.id, user.session.id.clone(), self.notices());
        let change = move |conn: &mut DbConnection| {
            let epoch = User::change_password(conn, id, &proven, &hash)?.ok_or(Error::SignInFirst)?;
            notices.password_changed(conn, id, &client)?;
            let event = Event::new(EventKind::PasswordChanged, Some(id)).session(&session);
            event.from(Some(&client)).write(conn)?;
            let request = EndRequest::by_user(EndReason::PasswordChanged, id, client);
            let target = Target::AllBut { user: id, keep: session };
            Ok((epoch, end::end(conn, &target, &request, in_store)?))
        };
        let expected = StateChange::Epoch(user.session.epoch + 1);
        let (epoch, ended) = self.sessions.change_and_rotate(req, expected, change).await?;
        self.outbox.send_soon();
        let outcome = self.sessions.announce_and_delete(&ended).await;
        self.throttle.forget_account(id).await;
        self.throttle.remember_browser(req, id, epoch)?;
        self.sessions.adopt_epoch(req, epoch)?;
        Ok(outcome)
    }

    /// A page of the user's own sessions, the last used first. The first page begins with that of the request.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub async fn own_sessions(&self, user: &CurrentUser, after: Option<&Cursor>) -> Result<Page, Error> {
        let own = &user.session.id;
        let filter = Filter { user: Some(user.id), except: Some(own.clone()), ..Filter::default() };
        let mut page = self.sessions.page(&ListQuery { filter, ..ListQuery::default() }, after).await?;
        if after.is_none() {
            let current = self.sessions.one(own.clone()).await?;
            page.rows.splice(0..0, Some(current).filter(|session| session.ended_at.is_none()));
        }
        Ok(page)
    }

    /// At which sites with cookies of their own these sessions are used.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn sites_of(&self, sessions: &[ListedSession]) -> Result<Vec<SiteUse>, Error> {
        self.sessions.sites_of(sessions.iter().map(|session| session.id.clone()).collect()).await
    }

    /// Ends one of the user's own sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not one of theirs; [`Error::SignInFirst`] when the session of the request ended meanwhile.
    pub async fn end_own_session(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        id: String,
        client: Client,
    ) -> Result<OwnEnd, Error> {
        let in_store = self.sessions.has_entries();
        let (owner, session) = (user.id, user.session.id.clone());
        let is_current = id == session;
        let reason = if is_current { EndReason::Logout } else { EndReason::EndedByUser };
        let request = EndRequest::by_user(reason, owner, client);
        let change = move |conn: &mut DbConnection| {
            if list::by_id(conn, &id)?.user_id != owner {
                return Err(Error::NotFound);
            }
            rows::lock(conn, &id)?;
            check_live(conn, &session)?;
            end::end(conn, &Target::Ids(vec![id]), &request, in_store)
        };
        let ended = self.db.transaction(change).await?;
        let outcome = self.sessions.announce_and_delete(&ended).await;
        if is_current {
            req.get_session().purge();
            return Ok(OwnEnd::SignedOut);
        }
        Ok(OwnEnd::Other(outcome))
    }

    /// Ends the user's other sessions; sign-ins in progress start no session.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile.
    pub async fn end_other_sessions(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        client: Client,
    ) -> Result<EndOutcome, Error> {
        let in_store = self.sessions.has_entries();
        let (id, session) = (user.id, user.session.id.clone());
        let change = move |conn: &mut DbConnection| {
            let epoch = User::raise_epoch(conn, id)?;
            check_live(conn, &session)?;
            let request = EndRequest::by_user(EndReason::EndedByUser, id, client);
            let target = Target::AllBut { user: id, keep: session };
            Ok((epoch, end::end(conn, &target, &request, in_store)?))
        };
        let (epoch, ended) = self.db.transaction(change).await?;
        let outcome = self.sessions.announce_and_delete(&ended).await;
        self.throttle.remember_browser(req, id, epoch)?;
        self.sessions.adopt_epoch(req, epoch)?;
        Ok(outcome)
    }
}

/// Refuses a change by a session that ended while the request ran.
pub(super) fn check_live(conn: &mut DbConnection, session: &str) -> Result<(), Error> {
    if rows::is_live(conn, session)? { Ok(()) } else { Err(Error::SignInFirst) }
}
