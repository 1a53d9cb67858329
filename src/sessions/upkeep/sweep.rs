//! Ends sessions that have expired, and retries deletions that the store has not confirmed. Any number of instances may run the
//! sweep: each end is one conditional update.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    clock::now,
    error::Error,
    sessions::{
        catalogue::{
            due::{self, LiveSession},
            end::{EndRequest, Target},
            end_reason::EndReason,
            site_cookies,
        },
        duration::time_duration,
        service::{Backend, Sessions},
    },
};

/// Sessions that one sweep reads of each kind.
const BATCH: i64 = 500;
/// The shortest pause between two sweeps, for sessions with short lifetimes.
const MIN_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between two sweeps.
const MAX_PAUSE: Duration = Duration::from_secs(15);
/// How long a sign-in may take to store the state after it has written the row.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(60);

/// Sweeps for as long as it is polled.
pub(crate) async fn run(sessions: Arc<Sessions>) {
    let pause = (sessions.config.shortest_ttl() / 4).clamp(MIN_PAUSE, MAX_PAUSE);
    let mut secret_checked = false;
    loop {
        let began = Instant::now();
        let swept = sweep(&sessions, &mut secret_checked).await;
        sessions.metrics.record_sweep(began, swept.is_ok());
        if let Err(error) = swept {
            tracing::warn!(error = ?error.causes(), "the sweep of sessions did not finish");
        }
        tokio::time::sleep(pause).await;
    }
}

/// `secret_checked`: whether the sessions of an earlier `SESSION_SECRET` have been ended.
async fn sweep(sessions: &Sessions, secret_checked: &mut bool) -> Result<(), Error> {
    if !*secret_checked {
        sessions.end_if_secret_changed().await?;
        *secret_checked = true;
    }
    end_expired(sessions).await?;
    end_never_stored(sessions).await?;
    delete_unconfirmed(sessions).await?;
    sessions.db.run(site_cookies::delete_old_codes).await
}

async fn end_expired(sessions: &Sessions) -> Result<(), Error> {
    let expired = sessions.db.with_long_timeout().run(|conn| due::expired(conn, BATCH)).await?;
    let at = now();
    let (absolute, idle): (Vec<LiveSession>, Vec<LiveSession>) =
        expired.into_iter().partition(|session| session.absolute_expires_at <= at);
    end(sessions, absolute, EndReason::Absolute).await?;
    let idle = not_in_store(sessions, idle).await?;
    end(sessions, idle, EndReason::Idle).await
}

/// Those of the expired sessions that the store doesn't have either. The others were used without a record in the catalogue (an
/// instance was killed before it wrote): this corrects their expiry.
async fn not_in_store(sessions: &Sessions, expired: Vec<LiveSession>) -> Result<Vec<LiveSession>, Error> {
    let Backend::Redis(redis) = &sessions.backend else {
        return Ok(expired);
    };
    let keys: Vec<&str> =
        expired.iter().map(|session| session.store_key.as_deref().unwrap_or_default()).collect();
    let left = redis.time_left(&keys).await?;
    let mut missing = Vec::new();
    for (session, left) in expired.into_iter().zip(left) {
        match left {
            None => missing.push(session),
            Some(left) => {
                let expires_at = now().saturating_add(time_duration(left)).min(session.absolute_expires_at);
                sessions
                    .db
                    .with_long_timeout()
                    .run(move |conn| due::postpone(conn, &session.id, expires_at))
                    .await?;
            }
        }
    }
    Ok(missing)
}

/// Ends the sessions of sign-ins that were interrupted before the store had their state.
async fn end_never_stored(sessions: &Sessions) -> Result<(), Error> {
    let before = now().saturating_sub(time_duration(SIGN_IN_TIMEOUT));
    let found =
        sessions.db.with_long_timeout().run(move |conn| due::never_stored(conn, before, BATCH)).await?;
    if !found.is_empty() {
        sessions.end(Target::UnchangedKey(found), EndRequest::by_system(EndReason::Missing)).await?;
    }
    Ok(())
}

async fn end(sessions: &Sessions, expired: Vec<LiveSession>, reason: EndReason) -> Result<(), Error> {
    if !expired.is_empty() {
        sessions.end(Target::Expired(expired), EndRequest::by_system(reason)).await?;
    }
    Ok(())
}

/// Deletes the entries of ended sessions whose deletion the store has not confirmed.
async fn delete_unconfirmed(sessions: &Sessions) -> Result<(), Error> {
    let unconfirmed = sessions.db.with_long_timeout().run(|conn| due::unconfirmed(conn, BATCH)).await?;
    if !unconfirmed.is_empty() {
        sessions.delete_entries(&unconfirmed).await;
    }
    Ok(())
}
