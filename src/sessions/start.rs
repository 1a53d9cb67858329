//! Starts sessions at sign-in.

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
        method::Method,
        rows,
    },
    duration::time_duration,
    last_seen,
    new_key::KeyRecord,
    request::{current::CurrentUser, site_data::clear_site_data},
    request_context::RequestContext,
    rotation,
    service::Sessions,
    store::state::SessionState,
};
use crate::{
    clock::{now, unix_now},
    config::SessionKind,
    crypto::random_url_safe,
    db::{DbConnection, Prepared, schema::users},
    error::Error,
    events::{Event, EventKind},
    security::Client,
    users::Role,
};

/// Bytes of randomness in a public session id.
const ID_BYTES: usize = 16;

impl Sessions {
    /// Starts a session for a user whose credentials were just checked. A session that this browser already has is replaced; what the
    /// browser keeps of it is deleted if it was another user's.
    /// Returns what ended because of `SESSION_LIMIT`. `change`: what is written before, such as the user; `tell`: what is written
    /// with the session, whose id it is given; sign-ins of the same user wait until it is. All or nothing is written.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the user was deactivated or the password changed since the credentials were checked;
    /// [`Error::Unavailable`] when store or database can't be written; also the errors of `change` and `tell`. Then everything is
    /// as it was, the session that this browser has included.
    pub async fn start(
        &self,
        req: &HttpRequest,
        new: NewSession,
        change: impl FnOnce(&mut DbConnection) -> Result<(), Error> + Send + 'static,
        tell: impl FnOnce(&mut DbConnection, &str) -> Result<(), Error> + Send + 'static,
    ) -> Result<EndOutcome, Error> {
        let replaced = CurrentUser::find_to_end(req).await?.map(|current| current.session.id.clone());
        let brought = RequestContext::with(|context| context.unused_keys()).unwrap_or_default();
        let (user_id, method) = (new.user_id, new.method);
        let sign_in = self.sign_in(new, replaced.clone())?;
        let key = self.create_key(sign_in.state().at_sign_in(user_id), sign_in.kind().of_admin).await?;
        let (record, limit, in_store) =
            (key.record.clone(), i64::from(self.config.limit), self.has_entries());
        let recorded = self.db.transaction(move |conn| {
            change(conn)?;
            let is_other_persons = !brought.is_empty() && rows::is_other_persons(conn, &brought, user_id)?;
            let ended = record_sign_in(conn, &sign_in, &record, limit, in_store)?;
            tell(conn, &sign_in.session_id)?;
            Ok((is_other_persons, ended))
        });
        let (is_other_persons, (ended, count)) = match recorded.await {
            Ok(recorded) => recorded,
            Err(error) => {
                self.delete_unused(&key.record.store_key).await;
                return Err(error);
            }
        };
        let confirmed = self.announce_and_delete(&ended).await.confirmed;
        self.metrics.count_start(method);
        self.bus.started(&key.record.session_id, user_id);
        let left_over = RequestContext::with(|context| context.loaded.clone()).flatten();
        if let Some(left_over) = left_over.filter(|_| replaced.is_none()) {
            self.delete_unused(&left_over.store_key).await;
        }
        if is_other_persons {
            clear_site_data();
        }
        req.get_session().clear();
        Identity::login(&req.extensions(), user_id.to_string())
            .map_err(|error| Error::internal(error.to_string()))?;
        let session_id = key.record.session_id.clone();
        RequestContext::with(|context| context.started = Some(session_id));
        rotation::adopt(req, key)?;
        Ok(EndOutcome { count, confirmed })
    }

    pub(super) fn sign_in(&self, new: NewSession, replaced: Option<String>) -> Result<SignIn, Error> {
        let at = now();
        let of_admin = new.role == Role::Admin;
        let kind = SessionKind { remembered: new.remembered, of_admin };
        let absolute = |of_admin| at.saturating_add(time_duration(self.config.absolute_ttl(of_admin)));
        let absolute_expires_at = absolute(of_admin);
        Ok(SignIn {
            session_id: random_url_safe::<ID_BYTES>()?,
            at,
            expires_at: last_seen::expiry(at, self.config.ttl(kind), absolute_expires_at),
            absolute_expires_at,
            longest: absolute(false),
            new,
            replaced,
        })
    }
}

/// Whose session is to start, and from where.
pub struct NewSession {
    /// The user's id.
    pub user_id: i64,
    /// The user's role.
    pub role: Role,
    /// The user's `session_epoch` when the credentials were checked.
    pub epoch: i64,
    /// Whether "remember me" was ticked.
    pub remembered: bool,
    /// How the credentials were given.
    pub method: Method,
    /// Whether what the account asks for at sensitive actions was just given: not in a trusted browser, where the password was enough.
    pub confirmed: bool,
    /// The client that signs in.
    pub client: Client,
}

/// What a sign-in records.
pub(super) struct SignIn {
    pub(super) session_id: String,
    at: PrimitiveDateTime,
    expires_at: PrimitiveDateTime,
    absolute_expires_at: PrimitiveDateTime,
    /// When it would end if the user were no administrator: the catalogue has the end as the role is, which may change.
    longest: PrimitiveDateTime,
    new: NewSession,
    /// The session that this browser had before.
    replaced: Option<String>,
}

impl SignIn {
    fn kind(&self) -> SessionKind {
        SessionKind { remembered: self.new.remembered, of_admin: self.new.role == Role::Admin }
    }

    /// The same, of a session that lasts no longer than that, however much it is used.
    pub(super) fn limited_to(self, longest: time::Duration) -> Self {
        let end = self.at.saturating_add(longest);
        Self {
            expires_at: self.expires_at.min(end),
            absolute_expires_at: self.absolute_expires_at.min(end),
            longest: self.longest.min(end),
            ..self
        }
    }

    pub(super) fn state(&self) -> SessionState {
        SessionState {
            session_id: self.session_id.clone(),
            remembered: self.new.remembered,
            // Rounded up: the catalogue has the exact time.
            absolute_end: self.longest.assume_utc().unix_timestamp() + 1,
            confirmed_at: self.new.confirmed.then(unix_now),
            epoch: Some(self.new.epoch),
        }
    }
}

/// Records a sign-in in the catalogue. The update of the user's row comes first: it blocks a deactivation or password change
/// until the session is written, and matches no row when one of these came before.
///
/// Returns the sessions that ended, and how many of them because of the limit. `limit`: sessions that one user may have; 0: any
/// number. `in_store`: as for [`end::end`].
pub(super) fn record_sign_in(
    conn: &mut DbConnection,
    sign_in: &SignIn,
    key: &KeyRecord,
    limit: i64,
    in_store: bool,
) -> Result<(Vec<end::Ended>, usize), Error> {
    let NewSession { user_id, role: _, epoch, remembered, method, confirmed: _, client } = &sign_in.new;
    let unchanged =
        users::table.find(user_id).filter(users::active.eq(true)).filter(users::session_epoch.eq(epoch));
    let signed_in = diesel::update(unchanged)
        .set(users::last_login_at.eq(sign_in.at))
        .returning((users::search_text, users::role));
    let user = match conn {
        DbConnection::Postgres(pg) => Prepared(signed_in).get_result(pg),
        DbConnection::Sqlite(sqlite) => signed_in.get_result(sqlite),
    };
    let Some((person, role)): Option<(String, Role)> = user.optional()? else {
        return Err(Error::Forbidden("Your account was changed while you signed in. Sign in again."));
    };
    let mut ended = Vec::new();
    let mut ended_by_limit = 0;
    if let Some(id) = &sign_in.replaced {
        let request = EndRequest::by_user(EndReason::Replaced, *user_id, client.clone());
        ended.extend(end::end(conn, &Target::Ids(vec![id.clone()]), &request, in_store)?);
    }
    if limit > 0 {
        let ids = due::beyond_limit(conn, *user_id, limit - 1)?;
        ended_by_limit = ids.len();
        let request = EndRequest::by_system(EndReason::Limit);
        ended.extend(end::end(conn, &Target::Ids(ids), &request, in_store)?);
    }
    let row = rows::NewRow {
        id: &sign_in.session_id,
        user_id: *user_id,
        person: &person,
        role,
        at: sign_in.at,
        expires_at: sign_in.expires_at,
        absolute_expires_at: sign_in.absolute_expires_at,
        remembered: *remembered,
        method: *method,
        client,
        store_key: &key.store_key,
        state: key.state.as_deref(),
    };
    rows::insert(conn, &row)?;
    let event = Event::new(EventKind::SignedIn, Some(*user_id));
    event.session(&sign_in.session_id).from(Some(client)).detail(method.name()).write(conn)?;
    Ok((ended, ended_by_limit))
}
