//! How a session starts, and how it gets a new key.

use actix_identity::Identity;
use actix_session::SessionExt as _;
use actix_web::{HttpMessage as _, HttpRequest};
use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{
    catalogue::{
        end::{EndOutcome, EndRequest, Target},
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
    db::{DbConnection, lower, schema::users},
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::catalogue::{due, end},
    users::{Role, User},
};

/// Bytes of randomness in a public session id.
const ID_BYTES: usize = 16;

impl Sessions {
    /// Starts a session for the user who has just proven who they are; a session that this browser already
    /// has is replaced. The result is what ended because of `SESSION_LIMIT`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the user was deactivated or the password changed since the proof.
    pub async fn start(
        &self,
        req: &HttpRequest,
        user: &User,
        remembered: bool,
        client: Client,
    ) -> Result<EndOutcome, Error> {
        self.check().await?;
        let replaced = CurrentUser::find(req).await?.map(|current| current.session.id.clone());
        let id = random_url_safe::<ID_BYTES>();
        let at = now();
        let ttl = self.config.ttl(remembered);
        let absolute = at.saturating_add(time_duration(self.config.absolute_ttl));
        let row = RowToBe {
            id: id.clone(),
            user: user.id,
            epoch: user.session_epoch,
            at,
            absolute,
            remembered,
            client,
        };
        let expires_at = last_seen::expiry(at, ttl, absolute);
        let (limit, in_store) = (i64::from(self.config.limit), self.has_entries());
        let (ended, count) = self
            .db
            .transaction(move |conn| record_sign_in(conn, &row, expires_at, replaced, limit, in_store))
            .await?;
        let confirmed = self.announce_and_delete(&ended).await.confirmed;
        let session = req.get_session();
        session.clear();
        RequestContext::with(|context| context.rotating = true);
        Identity::login(&req.extensions(), user.id.to_string())
            .map_err(|error| Error::internal(error.to_string()))?;
        // Rounded up: the catalogue has the exact time.
        let absolute_end = absolute.assume_utc().unix_timestamp() + 1;
        let confirmed_at = Some(at.assume_utc().unix_timestamp());
        let epoch = Some(user.session_epoch);
        SessionState { session_id: id, remembered, absolute_end, confirmed_at, epoch }.write(&session)?;
        Ok(EndOutcome { count, confirmed })
    }

    /// Gives the session of this request a new key; its id stays and the old key is dead.
    pub fn rotate(&self, req: &HttpRequest) {
        RequestContext::with(|context| context.rotating = true);
        req.get_session().renew();
    }

    /// Notes that this session's user has just given the password, and gives the session a new key.
    pub fn record_confirmation(&self, req: &HttpRequest) -> Result<(), Error> {
        SessionState::record_confirmation(&req.get_session())?;
        self.rotate(req);
        Ok(())
    }

    /// Lets the session of this request outlive a change that raised its user's `session_epoch` to this.
    pub fn adopt_epoch(&self, req: &HttpRequest, epoch: i64) -> Result<(), Error> {
        SessionState::record_epoch(&req.get_session(), epoch)
    }

    /// Gives the session a new key if something has changed about its user since it got this one. The key of
    /// another person's browser can't be rotated from outside, so a new role takes its new key here, at the
    /// next request.
    pub fn rotate_if_stale(&self, req: &HttpRequest, user: &CurrentUser) -> Result<(), Error> {
        if let Some(epoch) = user.session.stale_epoch {
            self.adopt_epoch(req, epoch)?;
            self.rotate(req);
        }
        Ok(())
    }
}

/// What a sign-in writes.
struct RowToBe {
    id: String,
    user: i64,
    epoch: i64,
    at: PrimitiveDateTime,
    absolute: PrimitiveDateTime,
    remembered: bool,
    client: Client,
}

/// The catalogue's part of a sign-in. The update of the user's row comes first: it holds off a deactivation or
/// password change until the session is written, and finds nothing when one has come before.
fn record_sign_in(
    conn: &mut DbConnection,
    row: &RowToBe,
    expires_at: PrimitiveDateTime,
    replaced: Option<String>,
    limit: i64,
    in_store: bool,
) -> Result<(Vec<end::Ended>, usize), Error> {
    let proven =
        users::table.find(row.user).filter(users::active.eq(true)).filter(users::session_epoch.eq(row.epoch));
    let user: Option<(String, String, Role)> = diesel::update(proven)
        .set(users::last_login_at.eq(row.at))
        .returning((lower(users::name), users::email_key, users::role))
        .get_result(conn)
        .optional()?;
    let Some((name, email_key, role)) = user else {
        return Err(Error::Forbidden("Your account was changed while you signed in. Sign in again."));
    };
    let mut ended = Vec::new();
    let mut ended_by_limit = 0;
    if let Some(id) = replaced {
        let ending = EndRequest {
            reason: EndReason::Replaced,
            by: Some(row.user),
            note: None,
            client: Some(row.client.clone()),
        };
        ended.extend(end::end(conn, &Target::Ids(vec![id]), &ending, in_store)?);
    }
    if limit > 0 {
        let beyond = due::beyond_limit(conn, row.user, limit - 1)?;
        ended_by_limit = beyond.len();
        ended.extend(end::end(
            conn,
            &Target::Ids(beyond),
            &EndRequest::by_system(EndReason::Limit),
            in_store,
        )?);
    }
    let new = NewSession {
        id: &row.id,
        user_id: row.user,
        person: &rows::search_text(&name, &email_key),
        role,
        at: row.at,
        expires_at,
        absolute_expires_at: row.absolute,
        remembered: row.remembered,
        client: &row.client,
    };
    rows::insert(conn, &new)?;
    Event::new(EventKind::SignedIn, Some(row.user)).session(&row.id).from(Some(&row.client)).write(conn)?;
    Ok((ended, ended_by_limit))
}
