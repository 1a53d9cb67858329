//! Starts sessions at sign-in, and gives them new keys.

use actix_identity::Identity;
use actix_session::SessionExt as _;
use actix_web::{HttpMessage as _, HttpRequest};
use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{
    catalogue::{
        due,
        end::{self, EndOutcome, EndRequest, Target},
        end_reason::EndReason,
        rows::{self, NewSession},
    },
    duration::time_duration,
    last_seen,
    request::current::CurrentUser,
    request_context::RequestContext,
    service::Sessions,
    store::state::SessionState,
};
use crate::{
    clock::now,
    crypto::random_url_safe,
    db::{DbConnection, schema::users},
    error::Error,
    events::{Event, EventKind},
    security::Client,
    users::{Role, User},
};

/// Bytes of randomness in a public session id.
const ID_BYTES: usize = 16;

impl Sessions {
    /// Starts a session for a user whose credentials were just checked. A session that this browser already has is replaced.
    /// Returns what ended because of `SESSION_LIMIT`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the user was deactivated or the password changed since the credentials were checked;
    /// [`Error::Unavailable`] when store or database can't be reached.
    pub async fn start(
        &self,
        req: &HttpRequest,
        user: &User,
        remembered: bool,
        client: Client,
    ) -> Result<EndOutcome, Error> {
        self.check().await?;
        let replaced = CurrentUser::find(req).await?.map(|current| current.session.id.clone());
        let id = random_url_safe::<ID_BYTES>()?;
        let at = now();
        let absolute_expires_at = at.saturating_add(time_duration(self.config.absolute_ttl));
        let sign_in = SignIn {
            session_id: id.clone(),
            user_id: user.id,
            epoch: user.session_epoch,
            at,
            expires_at: last_seen::expiry(at, self.config.ttl(remembered), absolute_expires_at),
            absolute_expires_at,
            remembered,
            client,
            replaced,
        };
        let (limit, in_store) = (i64::from(self.config.limit), self.has_entries());
        let (ended, count) =
            self.db.transaction(move |conn| record_sign_in(conn, &sign_in, limit, in_store)).await?;
        let confirmed = self.announce_and_delete(&ended).await.confirmed;
        let session = req.get_session();
        session.clear();
        RequestContext::with(|context| context.rotating = true);
        Identity::login(&req.extensions(), user.id.to_string())
            .map_err(|error| Error::internal(error.to_string()))?;
        // Rounded up: the catalogue has the exact time.
        let absolute_end = absolute_expires_at.assume_utc().unix_timestamp() + 1;
        let confirmed_at = Some(at.assume_utc().unix_timestamp());
        let epoch = Some(user.session_epoch);
        SessionState { session_id: id, remembered, absolute_end, confirmed_at, epoch }.write(&session)?;
        Ok(EndOutcome { count, confirmed })
    }

    /// Gives the session of this request a new key. Its id stays; the old key becomes invalid.
    pub fn rotate(&self, req: &HttpRequest) {
        RequestContext::with(|context| context.rotating = true);
        req.get_session().renew();
    }

    /// Records that this session's user has just given the password, and gives the session a new key.
    ///
    /// # Errors
    /// [`Error::Internal`] when the state can't be serialized.
    pub fn record_confirmation(&self, req: &HttpRequest) -> Result<(), Error> {
        SessionState::record_confirmation(&req.get_session())?;
        self.rotate(req);
        Ok(())
    }

    /// Keeps the session of this request current after a change that raised its user's `session_epoch` to `epoch`.
    ///
    /// # Errors
    /// [`Error::Internal`] when the state can't be serialized.
    pub fn adopt_epoch(&self, req: &HttpRequest, epoch: i64) -> Result<(), Error> {
        SessionState::record_epoch(&req.get_session(), epoch)
    }

    /// Gives the session a new key if its user was changed since the session got its current one. Only a request of the
    /// session's own browser can rotate its key, so after a change of role the next request does it here.
    ///
    /// # Errors
    /// [`Error::Internal`] when the state can't be serialized.
    pub fn rotate_if_stale(&self, req: &HttpRequest, user: &CurrentUser) -> Result<(), Error> {
        if let Some(epoch) = user.session.stale_epoch {
            self.adopt_epoch(req, epoch)?;
            self.rotate(req);
        }
        Ok(())
    }
}

/// What a sign-in records.
struct SignIn {
    session_id: String,
    user_id: i64,
    /// The user's `session_epoch` when the credentials were checked.
    epoch: i64,
    at: PrimitiveDateTime,
    expires_at: PrimitiveDateTime,
    absolute_expires_at: PrimitiveDateTime,
    remembered: bool,
    client: Client,
    /// The session that this browser had before.
    replaced: Option<String>,
}

/// Records a sign-in in the catalogue. The update of the user's row comes first: it blocks a deactivation or password change
/// until the session is written, and matches no row when one of these came before.
///
/// Returns the sessions that ended, and how many of them because of the limit. `limit`: sessions that one user may have; 0: any
/// number. `in_store`: as for [`end::end`].
fn record_sign_in(
    conn: &mut DbConnection,
    sign_in: &SignIn,
    limit: i64,
    in_store: bool,
) -> Result<(Vec<end::Ended>, usize), Error> {
    let unchanged = users::table
        .find(sign_in.user_id)
        .filter(users::active.eq(true))
        .filter(users::session_epoch.eq(sign_in.epoch));
    let user: Option<(String, Role)> = diesel::update(unchanged)
        .set(users::last_login_at.eq(sign_in.at))
        .returning((users::search_text, users::role))
        .get_result(conn)
        .optional()?;
    let Some((person, role)) = user else {
        return Err(Error::Forbidden("Your account was changed while you signed in. Sign in again."));
    };
    let mut ended = Vec::new();
    let mut ended_by_limit = 0;
    if let Some(id) = &sign_in.replaced {
        let request = EndRequest::by_user(EndReason::Replaced, sign_in.user_id, sign_in.client.clone());
        ended.extend(end::end(conn, &Target::Ids(vec![id.clone()]), &request, in_store)?);
    }
    if limit > 0 {
        let ids = due::beyond_limit(conn, sign_in.user_id, limit - 1)?;
        ended_by_limit = ids.len();
        let request = EndRequest::by_system(EndReason::Limit);
        ended.extend(end::end(conn, &Target::Ids(ids), &request, in_store)?);
    }
    let new = NewSession {
        id: &sign_in.session_id,
        user_id: sign_in.user_id,
        person: &person,
        role,
        at: sign_in.at,
        expires_at: sign_in.expires_at,
        absolute_expires_at: sign_in.absolute_expires_at,
        remembered: sign_in.remembered,
        client: &sign_in.client,
    };
    rows::insert(conn, &new)?;
    let event = Event::new(EventKind::SignedIn, Some(sign_in.user_id));
    event.session(&sign_in.session_id).from(Some(&sign_in.client)).write(conn)?;
    Ok((ended, ended_by_limit))
}
