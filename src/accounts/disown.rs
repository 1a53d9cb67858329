//! Sign-ins from new browsers: people are told of them, and end the session with the link in the mail if it was not them.

use std::sync::Arc;

use actix_web::HttpRequest;
use time::Duration;

use super::{
    letters::LinkMaker,
    notices::Notices,
    password_links::{issue_and_mail, purpose_of},
    service::Accounts,
};
use crate::{
    clock::now,
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    mail::Outbox,
    security::Client,
    sessions::{
        EndOutcome, EndReason, EndRequest, Target,
        catalogue::{
            end::{self, Ended},
            list::ListedSession,
            sign_in_notices,
        },
    },
    users::User,
};

/// How long people are told only once of sign-ins from one place: programs that keep no cookies are always new.
const QUIET: Duration = Duration::days(1);

/// Most notices of sign-ins that one account gets in that time: whoever knows a password could fill its owner's mailbox.
const MOST_NOTICES: usize = 10;

/// A sign-in from a new browser, before it has a session.
pub(super) struct NewBrowser {
    notices: Notices,
    user: User,
    client: Client,
    /// Where it comes from.
    origin: String,
}

impl NewBrowser {
    /// Tells the person, if they have not just been told of the like. To be called while the row of the user is locked: of two
    /// sign-ins at the same time one finds the other's notice.
    pub(super) fn tell(self, conn: &mut DbConnection, session: &str) -> Result<(), Error> {
        let told = sign_in_notices::origins_since(conn, self.user.id, now().saturating_sub(QUIET))?;
        if told.len() >= MOST_NOTICES || told.contains(&self.origin) {
            return Ok(());
        }
        let token = sign_in_notices::insert(conn, &self.user, session, &self.origin)?;
        self.notices.new_browser(conn, &self.user, &token, &self.client)
    }
}

impl Accounts {
    /// The sign-in of this request, if its person may have to be told of it. For a known browser this asks nobody.
    pub(super) fn new_browser(&self, req: &HttpRequest, user: &User, client: &Client) -> Option<NewBrowser> {
        let notices = Some(self.notices()).filter(Notices::are_on)?;
        let origin = self.throttle.new_origin(req, user, client)?;
        Some(NewBrowser { notices, user: user.clone(), client: client.clone(), origin })
    }

    /// The session that a link in a notice is about, as long as the link is good, and whose it is; no session when its history is
    /// over.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many links that were not valid; [`Error::Unavailable`] when a store can't be read.
    pub async fn noticed_session(
        &self,
        token: &str,
        client: &Client,
    ) -> Result<Option<(User, Option<ListedSession>)>, Error> {
        let token = token.to_owned();
        let find = self.db.run(move |conn| sign_in_notices::find(conn, &token));
        let Some((user, session)) = self.try_link(client, find).await? else { return Ok(None) };
        match self.sessions.one(session).await {
            Ok(session) => Ok(Some((user, Some(session)))),
            Err(Error::NotFound) => Ok(Some((user, None))),
            Err(error) => Err(error),
        }
    }

    /// Ends the session that a link in a notice is about, which was not its person's, mails them a link to choose a new password,
    /// and uses the first link up. Returns the id of the session too; `None` when the link is not valid (any more).
    ///
    /// # Errors
    /// As [`Accounts::noticed_session`].
    pub async fn disown_session(
        &self,
        token: String,
        client: Client,
    ) -> Result<Option<(String, EndOutcome)>, Error> {
        let tried = token.clone();
        let find = self.db.run(move |conn| sign_in_notices::find(conn, &tried));
        if self.try_link(&client, find).await?.is_none() {
            return Ok(None);
        }
        let (in_store, outbox) = (self.sessions.has_entries(), Arc::clone(&self.outbox));
        let disown = move |conn: &mut DbConnection| disown(conn, &outbox, &token, client, in_store);
        let Some((session, ended)) = self.db.transaction(disown).await? else { return Ok(None) };
        self.outbox.send_soon();
        Ok(Some((session, self.sessions.announce_and_delete(&ended).await)))
    }
}

fn disown(
    conn: &mut DbConnection,
    outbox: &Outbox,
    token: &str,
    client: Client,
    in_store: bool,
) -> Result<Option<(String, Vec<Ended>)>, Error> {
    let Some((user, session)) = sign_in_notices::find(conn, token)? else { return Ok(None) };
    // A deactivation or another request with this link may come first.
    let user = User::lock(conn, user.id)?;
    if !user.active || !sign_in_notices::delete(conn, token)? {
        return Ok(None);
    }
    let request = EndRequest::by_user(EndReason::EndedByUser, user.id, client.clone());
    let ended = end::end(conn, &Target::Ids(vec![session.clone()]), &request, in_store)?;
    Event::new(EventKind::ResetRequested, Some(user.id)).session(&session).from(Some(&client)).write(conn)?;
    let purpose = purpose_of(conn, user.id)?;
    issue_and_mail(conn, outbox, user, purpose, LinkMaker::Owner)?;
    Ok(Some((session, ended)))
}
