//! Checks the sessions of open streams periodically: finds ends that a lost message would have announced, and
//! administrators who lost their rights, or the second factor without which they have none. One query for all of them on this instance, however many streams are open.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::prelude::*;
use time::PrimitiveDateTime;

use crate::{
    config::SecondFactor,
    db::{
        DbConnection,
        schema::{
            sessions::{self, dsl},
            users,
        },
    },
    error::Error,
    sessions::{
        catalogue::end_reason::EndReason,
        duration::is_due,
        live::{end_message::EndMessage, subscription::Subscription},
        request::current::CurrentUser,
        service::Sessions,
    },
    users::Role,
};

/// Between two checks, unless a check takes long.
const PAUSE: Duration = Duration::from_secs(2);
/// The pause in multiples of how long a check took.
const LOAD_FACTOR: u32 = 10;
/// Sessions that one query reads.
const CHUNK: usize = 500;

/// Checks for as long as it is polled.
pub(crate) async fn run(sessions: Arc<Sessions>) {
    loop {
        let began = Instant::now();
        match check(&sessions, sessions.bus.subscribed()).await {
            Ok(keys) => {
                sessions.bus.set_checked(began);
                if let Err(error) = sessions.end_lost(keys).await {
                    tracing::debug!(error = ?error.causes(), "the store could not be asked for the sessions of open pages");
                }
            }
            Err(error) => tracing::debug!(error = ?error.causes(), "open pages could not be looked after"),
        }
        let pause = PAUSE.max(began.elapsed() * LOAD_FACTOR);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = sessions.bus.recheck_requested() => {}
        }
    }
}

impl Sessions {
    /// Subscribes a stream to the session of its request, and checks that the session has not ended since the request was
    /// let in.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database doesn't answer.
    pub async fn subscribe(&self, user: &CurrentUser) -> Result<Subscription, Error> {
        let subscription =
            self.bus.subscribe(&user.session.id, user.id, user.is_admin() && !user.must_set_up());
        check(self, vec![user.session.id.clone()]).await?;
        Ok(subscription)
    }
}

/// Corrects the status of these sessions by the catalogue. Returns the store keys of those that have not ended.
async fn check(sessions: &Sessions, ids: Vec<String>) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let (chunk_ids, policy) = (chunk.to_vec(), sessions.config.second_factor);
        let mut found = sessions.db.run(move |conn| statuses(conn, &chunk_ids, policy)).await?;
        for id in chunk {
            // Without a row, the account was deleted.
            let deleted = || EndMessage { reason: EndReason::Logout, text: None };
            let status =
                found.remove(id).unwrap_or_else(|| Status { ended: Some(deleted()), ..Status::default() });
            keys.extend(status.store_key.filter(|_| status.ended.is_none()));
            sessions.bus.correct(id, status.is_admin, status.ended);
        }
    }
    Ok(keys)
}

/// What the catalogue says of a session.
#[derive(Default)]
struct Status {
    /// Whether its user has the rights of an administrator.
    is_admin: bool,
    ended: Option<EndMessage>,
    /// While the store should have the entry.
    store_key: Option<String>,
}

type Row = (String, Option<String>, PrimitiveDateTime, Option<EndReason>, Option<String>, (bool, Role, bool));

fn statuses(
    conn: &mut DbConnection,
    ids: &[String],
    policy: SecondFactor,
) -> Result<HashMap<String, Status>, Error> {
    let rows: Vec<Row> = sessions::table
        .inner_join(users::table)
        .filter(dsl::id.eq_any(ids))
        .select((
            dsl::id,
            dsl::store_key,
            dsl::expires_at,
            dsl::end_reason,
            dsl::end_message,
            (users::active, users::role, users::second_factor),
        ))
        .load(conn)?;
    let status = |(id, store_key, expires_at, reason, text, (active, role, second_factor)): Row| {
        let ended = match reason {
            Some(reason) => Some(EndMessage { reason, text }),
            None if !active => Some(EndMessage { reason: EndReason::UserDeactivated, text: None }),
            None => None,
        };
        let store_key = store_key.filter(|_| !is_due(expires_at));
        let is_admin = role == Role::Admin && (second_factor || !policy.is_required(true));
        (id, Status { is_admin, ended, store_key })
    };
    Ok(rows.into_iter().map(status).collect())
}
