//! Sessions: started, renewed, ended, listed. The catalogue (SQL) decides whether a session has ended; the
//! store (Redis, or the catalogue's own table) holds its state and the rolling clock.

pub mod catalogue;
mod current;
pub mod device;
mod key;
pub mod list;
pub mod lookup;
mod matching;
pub mod pages;
mod redis;
mod replaced_keys;
pub mod seen;
mod state;
mod store;
mod sweep;
mod verify;
pub mod visit;

use std::{sync::Arc, time::Duration};

use actix_identity::Identity;
use actix_session::SessionExt as _;
use actix_web::{HttpMessage as _, HttpRequest};
use diesel::prelude::*;

pub use catalogue::{EndReason, Ending, Which};
pub use current::{Administrator, CurrentUser};
pub use matching::Page;
pub use store::Store;
pub use verify::Differences;

use crate::{
    accounts::User,
    config::{self, Config},
    db::{Db, DbConnection, now, schema::users},
    error::Error,
    events::{Event, Kind},
    security::{Client, random_url_safe},
};
use catalogue::NewSession;
use list::Listed;
use lookup::Lookup;
use redis::Redis;
use replaced_keys::ReplacedKeys;
use seen::Seen;
use state::Established;
use visit::Visit;

/// Bytes of randomness in a public session id.
const ID_BYTES: usize = 16;

/// Everything that is known of sessions, and the verbs on them.
pub struct Sessions {
    db: Db,
    backend: Backend,
    lookup: Lookup,
    seen: Seen,
    replaced_keys: ReplacedKeys,
    config: config::Session,
}

/// Where the state of sessions lives.
enum Backend {
    Redis(Box<Redis>),
    Sql,
}

/// What became of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Sessions that ended just now.
    pub count: usize,
    /// Whether the store has confirmed that their entries are gone. If not they are refused all the same, and
    /// deletion is tried until it is confirmed.
    pub confirmed: bool,
}

impl Sessions {
    /// Opens the store and starts the lookup thread; waits for neither Redis nor the database.
    ///
    /// # Errors
    /// When the Redis URL can't be used or a thread can't be made.
    pub async fn new(config: &Config, db: Db) -> Result<Self, Error> {
        let backend = match &config.redis {
            Some(url) => Backend::Redis(Box::new(Redis::new(url, config.store_timeout).await?)),
            None => Backend::Sql,
        };
        let lookup = Lookup::start(db.clone(), config.store_timeout)?;
        let seen = Seen::new(config.session.clone());
        let replaced_keys = ReplacedKeys::default();
        Ok(Self { db, backend, lookup, seen, replaced_keys, config: config.session.clone() })
    }

    /// Work that goes on beside the requests, for as long as it is polled.
    pub async fn background(self: Arc<Self>) {
        let batches = self.seen.clone().write_batches(self.db.clone());
        tokio::join!(batches, sweep::run(Arc::clone(&self)));
    }

    /// Writes what waits to be written.
    pub async fn flush(&self) {
        self.seen.flush(&self.db).await;
    }

    /// Whether the store answers.
    pub async fn check(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Redis(redis) => redis.ping().await,
            Backend::Sql => Ok(()),
        }
    }

    /// Waits until the store answers, at most so long: for the command line, which starts with no link yet.
    pub async fn wait(&self, longest: Duration) -> Result<(), Error> {
        match &self.backend {
            Backend::Redis(redis) => redis.wait(longest).await,
            Backend::Sql => Ok(()),
        }
    }

    /// Starts a session for the user who has just proven who they are; a session that this browser already
    /// has is replaced. The result is how many sessions were ended because of `SESSION_LIMIT`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the user was deactivated or the password changed since the proof.
    pub async fn start(
        &self,
        req: &HttpRequest,
        user: &User,
        remembered: bool,
        client: Client,
    ) -> Result<usize, Error> {
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
        let expires_at = seen::expiry(at, ttl, absolute);
        let (limit, in_store) = (i64::from(self.config.limit), self.has_entries());
        let (ended, beyond) = self
            .db
            .transaction(move |conn| record_sign_in(conn, &row, expires_at, replaced, limit, in_store))
            .await?;
        self.forget(&ended).await;
        let session = req.get_session();
        session.clear();
        Visit::with(|visit| visit.renewing = true);
        Identity::login(&req.extensions(), user.id.to_string())
            .map_err(|error| Error::internal(error.to_string()))?;
        // Rounded up: the catalogue has the exact time.
        let absolute_end = absolute.assume_utc().unix_timestamp() + 1;
        Established { session_id: id, remembered, absolute_end }.write(&session)?;
        Ok(beyond)
    }

    /// Gives the session of this request a new key; its id stays and the old key is dead.
    pub fn rotate(&self, req: &HttpRequest) {
        Visit::with(|visit| visit.renewing = true);
        req.get_session().renew();
    }

    /// Ends sessions: they are refused at their very next request on every instance.
    pub async fn end(&self, which: Which, ending: Ending) -> Result<Ends, Error> {
        let in_store = self.has_entries();
        let ended = self.db.transaction(move |conn| catalogue::end(conn, &which, &ending, in_store)).await?;
        Ok(Ends { count: ended.len(), confirmed: self.forget(&ended).await })
    }

    /// Whether a request's key was replaced while the request ran.
    pub fn was_replaced(&self, store_key: &str) -> bool {
        self.replaced_keys.contains(store_key)
    }

    /// Whether the store holds entries apart from the catalogue.
    pub fn has_entries(&self) -> bool {
        matches!(self.backend, Backend::Redis(_))
    }

    /// Deletes the entries of sessions that a transaction of the caller's has ended; `false` when the store did not confirm it.
    pub async fn forget(&self, ended: &[catalogue::Ended]) -> bool {
        let Backend::Redis(redis) = &self.backend else {
            return true;
        };
        let keys: Vec<String> = ended.iter().filter_map(|session| session.store_key.clone()).collect();
        if let Err(error) = redis.delete_all(&keys).await {
            tracing::warn!(error = ?error.causes(), "entries of ended sessions wait to be deleted");
            return false;
        }
        let ids: Vec<String> = ended.iter().map(|session| session.id.clone()).collect();
        if ids.is_empty() {
            return true;
        }
        self.db.run(move |conn| catalogue::confirm_deleted(conn, &ids)).await.is_ok()
    }

    /// Compares listed sessions with the store in one round trip: those that it lost are ended as `missing` and
    /// left out, the others get the store's own time of expiry.
    pub async fn confirm(&self, listed: Vec<Listed>) -> Result<Vec<Listed>, Error> {
        let Backend::Redis(redis) = &self.backend else {
            let (there, missing): (Vec<_>, Vec<_>) =
                listed.into_iter().partition(|session| session.state.is_some());
            self.end_missing(missing.into_iter().filter_map(|session| session.store_key).collect()).await?;
            return Ok(there);
        };
        let keys: Vec<&str> = listed.iter().filter_map(|session| session.store_key.as_deref()).collect();
        let left = redis.time_left(&keys).await?;
        let at = now();
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for (mut session, left) in listed.into_iter().zip(left) {
            match left {
                Some(left) => {
                    let expires_at = at.saturating_add(time_duration(left));
                    session.expires_at = expires_at.min(session.absolute_expires_at);
                    there.push(session);
                }
                None => missing.extend(session.store_key),
            }
        }
        self.end_missing(missing).await?;
        Ok(there)
    }

    /// Ends the sessions that still have one of these store keys, which the store has lost.
    async fn end_missing(&self, store_keys: Vec<String>) -> Result<(), Error> {
        if !store_keys.is_empty() {
            self.end(Which::Lost(store_keys), Ending::by_system(EndReason::Missing)).await?;
        }
        Ok(())
    }

    /// The stored state of a session as JSON, if there is any.
    pub async fn stored_state(&self, session: &Listed) -> Result<Option<String>, Error> {
        match (&self.backend, &session.store_key) {
            (Backend::Redis(redis), Some(store_key)) => redis.peek(store_key).await,
            (Backend::Sql, _) => Ok(session.state.clone()),
            (Backend::Redis(_), None) => Ok(None),
        }
    }
}

/// What a sign-in writes.
struct RowToBe {
    id: String,
    user: i64,
    epoch: i64,
    at: time::PrimitiveDateTime,
    absolute: time::PrimitiveDateTime,
    remembered: bool,
    client: Client,
}

/// The catalogue's part of a sign-in. The update of the user's row comes first: it holds off a deactivation or
/// password change until the session is written, and finds nothing when one has come before.
fn record_sign_in(
    conn: &mut DbConnection,
    row: &RowToBe,
    expires_at: time::PrimitiveDateTime,
    replaced: Option<String>,
    limit: i64,
    in_store: bool,
) -> Result<(Vec<catalogue::Ended>, usize), Error> {
    let proven =
        users::table.find(row.user).filter(users::active.eq(true)).filter(users::session_epoch.eq(row.epoch));
    if diesel::update(proven).set(users::last_login_at.eq(row.at)).execute(conn)? == 0 {
        return Err(Error::Forbidden("Your account was changed while you signed in. Sign in again."));
    }
    let mut ended = Vec::new();
    let mut ended_by_limit = 0;
    if let Some(id) = replaced {
        let ending = Ending {
            reason: EndReason::Replaced,
            by: Some(row.user),
            note: None,
            client: Some(row.client.clone()),
        };
        ended.extend(catalogue::end(conn, &Which::Ids(vec![id]), &ending, in_store)?);
    }
    if limit > 0 {
        let beyond = catalogue::beyond_limit(conn, row.user, limit - 1)?;
        ended_by_limit = beyond.len();
        ended.extend(catalogue::end(
            conn,
            &Which::Ids(beyond),
            &Ending::by_system(EndReason::Limit),
            in_store,
        )?);
    }
    let new = NewSession {
        id: &row.id,
        user_id: row.user,
        at: row.at,
        expires_at,
        absolute_expires_at: row.absolute,
        remembered: row.remembered,
        client: &row.client,
    };
    catalogue::insert(conn, &new)?;
    Event::new(Kind::SignedIn, Some(row.user)).session(&row.id).from(Some(&row.client)).write(conn)?;
    Ok((ended, ended_by_limit))
}

fn time_duration(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

fn cookie_duration(duration: Duration) -> actix_web::cookie::time::Duration {
    time_duration(duration)
}
