//! Ends what has expired, deletes what could not be deleted at once. Any number of instances may run it: every
//! end is one conditional update.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::now,
    error::Error,
    sessions::{
        catalogue::{
            due::{self, LiveSession},
            end::{EndRequest, Target},
            end_reason::EndReason,
        },
        duration::time_duration,
        service::{Backend, Sessions},
    },
};

const BATCH: i64 = 500;
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(15);
/// How long a sign-in may take between its row and its state.
const SIGN_IN: Duration = Duration::from_secs(60);

/// Sweeps for as long as it is polled.
pub(crate) async fn run(sessions: Arc<Sessions>) {
    let shortest_life =
        sessions.config.idle_ttl.min(sessions.config.remember_ttl).min(sessions.config.absolute_ttl);
    let pause = (shortest_life / 4).clamp(SHORTEST, LONGEST);
    let mut readable = false;
    loop {
        if let Err(error) = sweep(&sessions, &mut readable).await {
            tracing::warn!(error = ?error.causes(), "the sweep of sessions did not finish");
        }
        tokio::time::sleep(pause).await;
    }
}

/// `readable`: the cookies of all sessions are known to be made with this secret.
async fn sweep(sessions: &Sessions, readable: &mut bool) -> Result<(), Error> {
    if !*readable {
        sessions.end_unreadable().await?;
        *readable = true;
    }
    end_expired(sessions).await?;
    end_never_stored(sessions).await?;
    delete_unconfirmed(sessions).await
}

async fn end_expired(sessions: &Sessions) -> Result<(), Error> {
    let due = sessions.db.with_long_timeout().run(|conn| due::expired(conn, BATCH)).await?;
    let at = now();
    let (over, rest): (Vec<LiveSession>, Vec<LiveSession>) =
        due.into_iter().partition(|due| due.absolute_expires_at <= at);
    end(sessions, over, EndReason::Absolute).await?;
    let idle = not_in_store(sessions, rest).await?;
    end(sessions, idle, EndReason::Idle).await
}

/// Those that the store doesn't have either. The others were used although the catalogue did not hear of it
/// (an instance was killed before it wrote): their expiry is put right.
async fn not_in_store(sessions: &Sessions, due: Vec<LiveSession>) -> Result<Vec<LiveSession>, Error> {
    let Backend::Redis(redis) = &sessions.backend else {
        return Ok(due);
    };
    let keys: Vec<&str> = due.iter().map(|due| due.store_key.as_deref().unwrap_or_default()).collect();
    let left = redis.time_left(&keys).await?;
    let mut gone = Vec::new();
    for (due, left) in due.into_iter().zip(left) {
        match left {
            None => gone.push(due),
            Some(left) => {
                let expires_at = now().saturating_add(time_duration(left)).min(due.absolute_expires_at);
                sessions
                    .db
                    .with_long_timeout()
                    .run(move |conn| due::postpone(conn, &due.id, expires_at))
                    .await?;
            }
        }
    }
    Ok(gone)
}

async fn end_never_stored(sessions: &Sessions) -> Result<(), Error> {
    let before = now().saturating_sub(time_duration(SIGN_IN));
    let found = sessions.db.with_long_timeout().run(move |conn| due::never_stored(conn, before)).await?;
    if !found.is_empty() {
        sessions.end(Target::UnchangedKey(found), EndRequest::by_system(EndReason::Missing)).await?;
    }
    Ok(())
}

async fn end(sessions: &Sessions, due: Vec<LiveSession>, reason: EndReason) -> Result<(), Error> {
    if !due.is_empty() {
        sessions.end(Target::Expired(due), EndRequest::by_system(reason)).await?;
    }
    Ok(())
}

async fn delete_unconfirmed(sessions: &Sessions) -> Result<(), Error> {
    let due = sessions.db.with_long_timeout().run(|conn| due::unconfirmed(conn, BATCH)).await?;
    if !due.is_empty() {
        let (ids, keys): (_, Vec<_>) = due.into_iter().unzip();
        sessions.delete_entries(ids, keys.into_iter().flatten().collect()).await;
    }
    Ok(())
}
