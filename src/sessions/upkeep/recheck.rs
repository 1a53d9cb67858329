//! Looks at the sessions that somebody listens for, again and again: what a lost message would have said, and who is
//! no administrator any more. One query for all of them on this instance, however many pages are open.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::prelude::*;
use time::PrimitiveDateTime;

use crate::{
    db::{
        DbConnection,
        schema::{
            sessions::{self, dsl},
            users,
        },
    },
    error::Error,
    sessions::{
        live::{end_message::Farewell, subscription::Watch},
        request::current::CurrentUser,
        service::{Sessions, is_due},
    },
    users::Role,
};

/// Between two looks, unless a look takes long.
const PAUSE: Duration = Duration::from_secs(2);
/// The pause in multiples of how long a look took.
const SHARE: u32 = 10;
/// Sessions that one query looks at.
const CHUNK: usize = 500;

/// Looks for as long as it is polled.
pub(crate) async fn run(sessions: Arc<Sessions>) {
    loop {
        let began = Instant::now();
        match look(&sessions, sessions.live.watched()).await {
            Ok(keys) => {
                sessions.live.confirm(began);
                if let Err(error) = sessions.end_lost(keys).await {
                    tracing::debug!(error = ?error.causes(), "the store could not be asked for the sessions of open pages");
                }
            }
            Err(error) => tracing::debug!(error = ?error.causes(), "open pages could not be looked after"),
        }
        let pause = PAUSE.max(began.elapsed() * SHARE);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = sessions.live.look_again() => {}
        }
    }
}

impl Sessions {
    /// Watches over the session of a request, which may have ended since it was let in.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database doesn't answer.
    pub async fn watch(&self, user: &CurrentUser) -> Result<Watch, Error> {
        let watch = self.live.watch(&user.session.id, user.is_admin());
        look(self, vec![user.session.id.clone()]).await?;
        Ok(watch)
    }
}

/// The result is the store keys of those that have not ended.
async fn look(sessions: &Sessions, ids: Vec<String>) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let asked = chunk.to_vec();
        let mut found = sessions.db.run(move |conn| standings(conn, &asked)).await?;
        for id in chunk {
            // Its row is gone with its account.
            let (is_admin, ended, key) =
                found.remove(id).unwrap_or((false, Some(Farewell::new("logout", None)), None));
            keys.extend(key.filter(|_| ended.is_none()));
            sessions.live.put_right(id, is_admin, ended);
        }
    }
    Ok(keys)
}

type Row = (String, Option<String>, PrimitiveDateTime, Option<String>, Option<String>, bool, String);

/// Whether its user is an administrator, how it ended, and its store key while the store should have it.
type Standing = (bool, Option<Farewell>, Option<String>);

fn standings(conn: &mut DbConnection, ids: &[String]) -> Result<HashMap<String, Standing>, Error> {
    let rows: Vec<Row> = sessions::table
        .inner_join(users::table)
        .filter(dsl::id.eq_any(ids))
        .select((
            dsl::id,
            dsl::store_key,
            dsl::expires_at,
            dsl::end_reason,
            dsl::end_note,
            users::active,
            users::role,
        ))
        .load(conn)?;
    let standing = |(id, key, expires_at, reason, note, active, role): Row| {
        let ended = match reason {
            Some(reason) => Some(Farewell::new(&reason, note.as_deref())),
            None if !active => Some(Farewell::new("user_deactivated", None)),
            None => None,
        };
        (id, (active && Role::parse(&role) == Some(Role::Admin), ended, key.filter(|_| !is_due(expires_at))))
    };
    Ok(rows.into_iter().map(standing).collect())
}
