//! The proof that a browser still has the key of its session.

use std::time::Duration;

use actix_web::{HttpResponse, http::header::HeaderValue};

use super::{
    challenge::{Challenge, Purpose},
    cookie,
    proof::{Proof, PublicKey},
    register::{answer, next_challenge},
};
use crate::{
    config::{Binding, Config},
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::{
        catalogue::{
            cursor::is_session_id,
            device_keys::{self, StoredKey},
        },
        request_context::RequestContext,
        service::Sessions,
    },
};

/// A challenge counts for so long after the proof before it has run out. A browser whose challenge is older is given another one.
const CHALLENGE_KEPT: Duration = Duration::from_secs(60 * 60);

/// What becomes of a browser's wish to have a session renewed.
pub enum Refresh {
    /// It has proven that it has the key.
    Proven(HttpResponse),
    /// It has to prove so, by this header.
    Prove(HeaderValue),
    /// The same; what it has sent was signed by another key, or is no proof at all.
    Refused(HeaderValue),
    /// The session has ended, or is not the one that this browser has.
    Over,
}

impl Refresh {
    fn name(&self) -> &'static str {
        match self {
            Self::Proven(_) => "proven",
            Self::Prove(_) => "challenged",
            Self::Refused(_) => "refused",
            Self::Over => "over",
        }
    }
}

/// What a browser has sent.
pub enum SentProof<'a> {
    /// Nothing: it has no challenge.
    None,
    /// One proof.
    Token(&'a str),
    /// Several, or one that can't be read.
    Unreadable,
}

impl Sessions {
    /// Renews a session for a browser that proves to have its key. The key that the request's session cookie holds needs not be the
    /// session's any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a store can't be reached. Then nothing has changed.
    pub async fn refresh(
        &self,
        config: &Config,
        session: &str,
        sent: SentProof<'_>,
        client: &Client,
    ) -> Result<Refresh, Error> {
        let refresh = self.check_proof(config, session, sent, client).await?;
        self.metrics.count_refresh(refresh.name());
        Ok(refresh)
    }

    async fn check_proof(
        &self,
        config: &Config,
        session: &str,
        sent: SentProof<'_>,
        client: &Client,
    ) -> Result<Refresh, Error> {
        let Some(binding) = &config.session.binding else { return Ok(Refresh::Over) };
        if !is_session_id(session) || self.is_of_other_session(session).await? {
            return Ok(Refresh::Over);
        }
        let id = session.to_owned();
        let Some(stored) = self.db.run(move |conn| device_keys::find(conn, &id)).await? else {
            return Ok(Refresh::Over);
        };
        let next = || next_challenge(config, session, stored.last_challenge);
        let token = match sent {
            SentProof::None => return Ok(Refresh::Prove(next()?)),
            SentProof::Unreadable => return Ok(Refresh::Refused(next()?)),
            SentProof::Token(token) => token,
        };
        let Some(challenge) = signed_challenge(token, &stored) else {
            return Ok(Refresh::Refused(next()?));
        };
        let challenge = Challenge::open(&challenge, &config.session.secret);
        let Some(challenge) = challenge.filter(|challenge| is_for(challenge, session, binding)) else {
            return Ok(Refresh::Prove(next()?));
        };
        let made_at = challenge.made_at;
        if !self.record_proof(session, made_at, &stored, client).await? {
            return Ok(Refresh::Prove(next()?));
        }
        let cookie = cookie::fresh(config, binding, session);
        answer(config, binding, session, made_at, cookie).map(Refresh::Proven)
    }

    /// Records a proof; the first one binds the session. Returns `false` when the challenge counts no more.
    async fn record_proof(
        &self,
        session: &str,
        made_at: i64,
        stored: &StoredKey,
        client: &Client,
    ) -> Result<bool, Error> {
        let id = session.to_owned();
        if stored.bound_at.is_some() {
            return self.db.run(move |conn| device_keys::prove(conn, &id, made_at)).await;
        }
        let (user_id, client) = (stored.user_id, client.clone());
        let bind = move |conn: &mut DbConnection| {
            if !device_keys::prove(conn, &id, made_at)? {
                return Ok(false);
            }
            if device_keys::bind(conn, &id)? {
                let event = Event::new(EventKind::SessionBound, Some(user_id));
                event.session(&id).from(Some(&client)).write(conn)?;
            }
            Ok(true)
        };
        self.db.transaction(bind).await
    }

    /// Whether the request's session cookie leads to another session: somebody has signed in again in this browser.
    async fn is_of_other_session(&self, session: &str) -> Result<bool, Error> {
        let context = RequestContext::with(|context| (context.loaded.clone(), context.unavailable.clone()));
        let (loaded, unavailable) = context.unwrap_or_default();
        if let Some(cause) = unavailable {
            return Err(Error::unavailable(cause));
        }
        let Some(loaded) = loaded.filter(|loaded| loaded.session_id != session) else {
            return Ok(false);
        };
        Ok(self.lookup.find(loaded.store_key).await?.is_some())
    }
}

/// The challenge in a proof that the session's key has signed.
fn signed_challenge(token: &str, stored: &StoredKey) -> Option<String> {
    let key = PublicKey::from_text(&stored.public_key)?;
    let proof = Proof::read(token)?;
    let is_plain = proof.key.is_none() && proof.authorization.is_none();
    (is_plain && proof.is_signed_by(&key)).then_some(proof.challenge)
}

fn is_for(challenge: &Challenge, session: &str, binding: &Binding) -> bool {
    challenge.purpose == Purpose::Refresh
        && challenge.session == session
        && challenge.is_younger_than(binding.ttl.saturating_add(CHALLENGE_KEPT))
}
