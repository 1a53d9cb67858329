//! The ended session that a request's cookie belonged to, for telling its user why it ended.

use actix_web::HttpRequest;
use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::current::CurrentUser;
use crate::{
    clock::now,
    config::{self, SessionKind},
    db::{
        DbConnection,
        schema::{
            sessions::{self, dsl},
            users,
        },
    },
    error::Error,
    sessions::{
        catalogue::{end_reason::EndReason, predicates::ended_or_not},
        duration::time_duration,
        live::end_message::EndMessage,
        request_context::RequestContext,
        service::Sessions,
    },
    state::shared,
    users::Role,
};

/// The session that the request's cookie led to, which has ended.
pub struct EndedSession {
    /// The public session id.
    pub id: String,
    /// Why it ended.
    pub message: EndMessage,
}

impl EndedSession {
    /// The ended session of the request's key, if it ended for a reason that the browser doesn't know of. Looked up only for
    /// requests that are not signed in, and by the key alone.
    pub async fn of(req: &HttpRequest) -> Option<Self> {
        let keys = RequestContext::with(|context| context.unused_keys()).filter(|keys| !keys.is_empty())?;
        if !matches!(CurrentUser::find(req).await, Ok(None)) {
            return None;
        }
        let sessions = shared::<Sessions>(req).ok()?;
        let config = sessions.config.clone();
        match sessions.db.run(move |conn| find(conn, &keys, &config)).await {
            Ok(ended) => ended.filter(|ended| ended.message.reason.is_shown_at_sign_in()),
            Err(error) => {
                tracing::debug!(error = ?error.causes(), "why a session ended could not be read");
                None
            }
        }
    }
}

#[derive(Queryable)]
struct Row {
    id: String,
    ended_at: Option<PrimitiveDateTime>,
    reason: Option<EndReason>,
    text: Option<String>,
    last_seen_at: PrimitiveDateTime,
    absolute_expires_at: PrimitiveDateTime,
    remembered: bool,
    role: Role,
}

/// Also finds a session that has expired and not been swept yet.
fn find(
    conn: &mut DbConnection,
    store_keys: &[String],
    config: &config::Session,
) -> Result<Option<EndedSession>, Error> {
    let row = sessions::table
        .inner_join(users::table)
        .filter(dsl::store_key.eq_any(store_keys))
        .filter(ended_or_not())
        .select((
            dsl::id,
            dsl::ended_at,
            dsl::end_reason,
            dsl::end_message,
            dsl::last_seen_at,
            dsl::absolute_expires_at,
            dsl::remembered,
            users::role,
        ))
        .first::<Row>(conn)
        .optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let unused = now() - row.last_seen_at;
    let kind = SessionKind { remembered: row.remembered, of_admin: row.role == Role::Admin };
    let idle = time_duration(config.ttl(kind));
    let reason = match row.reason {
        _ if row.ended_at.is_none() && row.absolute_expires_at <= now() => EndReason::Absolute,
        _ if row.ended_at.is_none() && unused >= idle => EndReason::Idle,
        Some(reason) if row.ended_at.is_some() => reason,
        _ => return Ok(None),
    };
    Ok(Some(EndedSession { id: row.id, message: EndMessage { reason, text: row.text } }))
}
