//! The periodic sweep: ends sessions that have expired, and deletes entries whose deletion failed before. Any number of instances may
//! run it: every end is one conditional update.

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
    let mut secret_checked = false;
    loop {
        if let Err(error) = sweep(&sessions, &mut secret_checked).await {
            tracing::warn!(error = ?error.causes(), "the sweep of sessions did not finish");
        }
        tokio::time::sleep(pause).await;
    }
}

/// `secret_checked`: all active sessions are known to have cookies made with this secret.
async fn sweep(sessions: &Sessions, secret_checked: &mut bool) -> Result<(), Error> {
    if !*secret_checked {
        sessions.end_unreadable().await?;
        *secret_checked = true;
    }
    end_expired(sessions).await?;
    end_never_stored(sessions).await?;
    delete_unconfirmed(sessions).await
}

async fn end_expired(sessions: &Sessions) -> Result<(), Error> {
    let expired = sessions.db.with_long_timeout().run(|conn| due::expired(conn, BATCH)).await?;
    let at = now();
    let (expired_absolutely, others): (Vec<LiveSession>, Vec<LiveSession>) =
        expired.into_iter().partition(|expired| expired.absolute_expires_at <= at);
    end(sessions, expired_absolutely, EndReason::Absolute).await?;
    let idle = not_in_store(sessions, others).await?;
    end(sessions, idle, EndReason::Idle).await
}

/// Those that the store doesn't have either. The others were used without a record in the catalogue (an instance was killed before
/// it wrote): their expiry is corrected.
async fn not_in_store(sessions: &Sessions, expired: Vec<LiveSession>) -> Result<Vec<LiveSession>, Error> {
    let Backend::Redis(redis) = &sessions.backend else {
        return Ok(expired);
    };
    let keys: Vec<&str> =
        expired.iter().map(|expired| expired.store_key.as_deref().unwrap_or_default()).collect();
    let left = redis.time_left(&keys).await?;
    let mut missing = Vec::new();
    for (expired, left) in expired.into_iter().zip(left) {
        match left {
            None => missing.push(expired),
            Some(left) => {
                let expires_at = now().saturating_add(time_duration(left)).min(expired.absolute_expires_at);
                sessions
                    .db
                    .with_long_timeout()
                    .run(move |conn| due::postpone(conn, &expired.id, expires_at))
                    .await?;
            }
        }
    }
    Ok(missing)
}

async fn end_never_stored(sessions: &Sessions) -> Result<(), Error> {
    let before = now().saturating_sub(time_duration(SIGN_IN));
    let found = sessions.db.with_long_timeout().run(move |conn| due::never_stored(conn, before)).await?;
    if !found.is_empty() {
        sessions.end(Target::Found(found), EndRequest::by_system(EndReason::Missing)).await?;
    }
    Ok(())
}

async fn end(sessions: &Sessions, expired: Vec<LiveSession>, reason: EndReason) -> Result<(), Error> {
    if !expired.is_empty() {
        sessions.end(Target::Expired(expired), EndRequest::by_system(reason)).await?;
    }
    Ok(())
}

async fn delete_unconfirmed(sessions: &Sessions) -> Result<(), Error> {
    let expired = sessions.db.with_long_timeout().run(|conn| due::unconfirmed(conn, BATCH)).await?;
    if !expired.is_empty() {
        let (ids, keys): (_, Vec<_>) = expired.into_iter().unzip();
        sessions.delete_entries(ids, keys.into_iter().flatten().collect()).await;
    }
    Ok(())
}
