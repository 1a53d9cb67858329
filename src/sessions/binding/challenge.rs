//! Challenges: what a proof has to sign. They are sealed and stored nowhere, so that any number of them costs nothing.
//!
//! Each counts once. A session has one key, so those for registrations need no more than that; of the others the catalogue knows
//! when the one was made that was proven last, and takes none that is not newer.

use std::time::Duration;

use crate::{clock::now_utc, config::SessionSecret, error::Error, web::sealed};

/// The name under which challenges are sealed.
const SEALED_AS: &str = "gatehouse-device-challenge";

/// By so much the clock of another instance may be ahead, in microseconds.
const CLOCK_LEEWAY: i64 = 5_000_000;

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The registration of a key.
    Register,
    /// A later proof of it.
    Refresh,
}

impl Purpose {
    const ALL: [Self; 2] = [Self::Register, Self::Refresh];

    fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Refresh => "refresh",
        }
    }
}

/// What a challenge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) purpose: Purpose,
    /// The public id of the session.
    pub(super) session: String,
    /// When it was made, in microseconds since 1970.
    pub(super) made_at: i64,
}

/// Microseconds since 1970.
pub(super) fn micros_now() -> i64 {
    i64::try_from(now_utc().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

impl Challenge {
    /// For the registration of the session's key.
    pub(super) fn to_register(session: &str) -> Self {
        Self { purpose: Purpose::Register, session: session.to_owned(), made_at: micros_now() }
    }

    /// For the next proof of a session whose last proven challenge was made then: later than that one, whatever clocks say.
    pub(super) fn after(session: &str, last: i64) -> Self {
        let made_at = micros_now().max(last.saturating_add(1));
        Self { purpose: Purpose::Refresh, session: session.to_owned(), made_at }
    }

    /// # Errors
    /// [`Error::Internal`] when it can't be sealed.
    pub(super) fn seal(&self, secret: &SessionSecret) -> Result<String, Error> {
        let text = format!("{} {} {}", self.purpose.name(), self.session, self.made_at);
        sealed::seal(&secret.cookie_key(), SEALED_AS, &text)
            .ok_or_else(|| Error::bug("a challenge that can't be sealed"))
    }

    /// What this site has sealed; `None` for anything else.
    pub(super) fn open(sealed: &str, secret: &SessionSecret) -> Option<Self> {
        let newest = secret.cookie_key();
        let mut keys = std::iter::once(&newest).chain(secret.older_cookie_keys());
        let text = keys.find_map(|key| sealed::open(key, SEALED_AS, sealed))?;
        let mut parts = text.split(' ');
        let (purpose, session, made_at) = (parts.next()?, parts.next()?, parts.next()?);
        let purpose = Purpose::ALL.into_iter().find(|known| known.name() == purpose)?;
        Some(Self { purpose, session: session.to_owned(), made_at: made_at.parse().ok()? })
    }

    /// Whether it was made at most so long ago.
    pub(super) fn is_younger_than(&self, longest: Duration) -> bool {
        let age = micros_now().saturating_sub(self.made_at);
        age <= i64::try_from(longest.as_micros()).unwrap_or(i64::MAX)
    }

    /// Whether it was made later than now, by more than clocks differ.
    pub(super) fn is_of_the_future(&self) -> bool {
        self.made_at > micros_now().saturating_add(CLOCK_LEEWAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn secret(list: &str) -> SessionSecret {
        let vars = [("DATABASE_URL", "sqlite://unused.db"), ("SESSION_SECRET", list)];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::from_vars(vars).unwrap().session.secret
    }

    #[test]
    fn challenge_opens_under_its_secret_alone() {
        let (new, old) =
            (crate::crypto::random_hex::<64>().unwrap(), crate::crypto::random_hex::<64>().unwrap());
        for challenge in [Challenge::to_register("S1"), Challenge::after("S1", 7)] {
            let sealed = challenge.seal(&secret(&old)).unwrap();
            assert_eq!(Challenge::open(&sealed, &secret(&format!("{new},{old}"))), Some(challenge.clone()));
            assert_eq!(Challenge::open(&sealed, &secret(&new)), None);
            assert_eq!(Challenge::open(&sealed[1..], &secret(&old)), None);
            assert_eq!(Challenge::open("", &secret(&old)), None);
        }
    }

    #[test]
    fn challenge_is_made_after_the_one_before() {
        let future = micros_now() + 3_600_000_000;
        assert_eq!(Challenge::after("S1", future).made_at, future + 1);
        assert!(Challenge::after("S1", 7).made_at > 7);
        assert!(Challenge::after("S1", future).is_of_the_future());
        let fresh = Challenge::to_register("S1");
        assert!(!fresh.is_of_the_future() && fresh.is_younger_than(Duration::from_secs(60)));
        let old = Challenge { made_at: micros_now() - 61_000_000, ..fresh };
        assert!(!old.is_younger_than(Duration::from_secs(60)));
    }
}
