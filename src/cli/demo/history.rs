//! Generated sessions. Each depends on its number alone, so that the same session can be generated again when its events are
//! written, and millions need no memory.

use std::net::IpAddr;

use fastrand::Rng;
use time::{Duration, PrimitiveDateTime, Time};

use super::places::{self, Browser};
use crate::{
    config::{self, SessionKind},
    sessions::{EndReason, catalogue::method::Method},
};

/// The period in which ended sessions started.
pub(super) const HISTORY_PERIOD: Duration = Duration::days(90);

/// Longest time since the last activity of an active session without "remember me".
const MAX_PAUSE: Duration = Duration::hours(10);

/// Reasons that administrators give when they end a session.
const MESSAGES: [&str; 4] = ["Lost laptop", "Left the company", "Unusual place", "Asked for by phone"];

/// How sessions are signed in; most with a password alone.
const METHODS: [Method; 4] = [Method::Password, Method::Password, Method::Password, Method::PasswordTotp];

/// Everything that the generated sessions depend on.
pub(super) struct History<'a> {
    /// The seed of all random values.
    pub seed: u64,
    /// How many users; they are numbered from 0.
    pub users: usize,
    /// How many active sessions; they have the first numbers.
    pub active: usize,
    /// How many ended sessions.
    pub ended: usize,
    /// The current time.
    pub now: PrimitiveDateTime,
    /// The sessions' lifetimes.
    pub config: &'a config::Session,
    /// The browsers that users have.
    pub browsers: &'a [Browser],
}

/// A generated session.
pub(super) struct GeneratedSession<'a> {
    /// The public session id.
    pub id: String,
    /// Hex, in the format of the SHA-256 of a key.
    pub store_key: String,
    /// The number of its user.
    pub user: usize,
    pub created_at: PrimitiveDateTime,
    pub last_seen_at: PrimitiveDateTime,
    pub expires_at: PrimitiveDateTime,
    pub absolute_expires_at: PrimitiveDateTime,
    pub remembered: bool,
    pub method: Method,
    pub browser: &'a Browser,
    pub ip: IpAddr,
    /// Its end; `None`: it is active.
    pub end: Option<End>,
}

/// How a session ended.
pub(super) struct End {
    pub at: PrimitiveDateTime,
    pub reason: EndReason,
    pub message: Option<&'static str>,
}

/// Sign-in, last activity and end of a session.
struct Times {
    created_at: PrimitiveDateTime,
    last_seen_at: PrimitiveDateTime,
    end: Option<End>,
}

impl<'a> History<'a> {
    /// How many sessions, active and ended.
    pub(super) fn sessions(&self) -> usize {
        self.active + self.ended
    }

    /// The session with that number.
    pub(super) fn session(&self, number: usize) -> GeneratedSession<'a> {
        let mut rng = Rng::with_seed(self.seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let user = self.random_user(&mut rng);
        let (browser, ip) = self.browser_and_address(user, &mut rng);
        let id = session_id(&mut rng);
        let store_key: String = (0..4).map(|_| format!("{:016x}", rng.u64(..))).collect();
        let remembered = rng.u8(..10) < 4;
        let method = METHODS[rng.usize(..METHODS.len())];
        let Times { created_at, last_seen_at, end } = if number < self.active {
            self.active_times(remembered, &mut rng)
        } else {
            self.ended_times(&mut rng)
        };
        let absolute_expires_at = created_at + time_duration(self.config.absolute_ttl);
        let expires_at = (last_seen_at
            + time_duration(self.config.ttl(SessionKind { remembered, of_admin: false })))
        .min(absolute_expires_at);
        GeneratedSession {
            id,
            store_key,
            user,
            created_at,
            last_seen_at,
            expires_at,
            absolute_expires_at,
            remembered,
            method,
            browser,
            ip,
            end,
        }
    }

    /// The number of a random user; some users sign in more often than others.
    fn random_user(&self, rng: &mut Rng) -> usize {
        let position = rng.f64() * rng.f64();
        ((position * self.users as f64) as usize).min(self.users - 1)
    }

    /// Browser and address of a sign-in: most come from one of the user's two devices, each with its own address.
    fn browser_and_address(&self, user: usize, rng: &mut Rng) -> (&'a Browser, IpAddr) {
        if rng.u8(..20) == 0 {
            return (places::random_browser(self.browsers, rng), places::random_address(rng));
        }
        let device = if rng.bool() { 1 } else { 2 };
        let seed = self.seed ^ (user as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95) ^ device;
        let mut device_rng = Rng::with_seed(seed);
        (places::random_browser(self.browsers, &mut device_rng), places::random_address(&mut device_rng))
    }

    /// The times of a session that has reached neither its idle nor its absolute end.
    fn active_times(&self, remembered: bool, rng: &mut Rng) -> Times {
        let idle = time_duration(self.config.ttl(SessionKind { remembered, of_admin: false }));
        let longest = if remembered { idle } else { idle.min(MAX_PAUSE) };
        let last_seen_at = self.now - share(longest, 0.95 * rng.f64().powi(3));
        let lifetime = share(time_duration(self.config.absolute_ttl), 0.95);
        let oldest = Duration::ZERO.max(lifetime - (self.now - last_seen_at));
        let used = if remembered { oldest } else { oldest.min(Duration::days(3)) };
        Times { created_at: last_seen_at - share(used, rng.f64().powi(2)), last_seen_at, end: None }
    }

    /// The times of a session that has ended.
    fn ended_times(&self, rng: &mut Rng) -> Times {
        let created_at = self.random_sign_in(rng);
        let age = self.now - created_at;
        let used = share(Duration::days(4), rng.f64().powi(4)).min(share(age, rng.f64()));
        let last_seen_at = created_at + used;
        let (reason, wait) = match rng.u8(..100) {
            0..=44 => (EndReason::Logout, Duration::ZERO),
            45..=76 => (EndReason::Idle, time_duration(self.config.idle_ttl)),
            77..=84 => (EndReason::Replaced, Duration::minutes(30)),
            85..=89 => (EndReason::EndedByUser, Duration::hours(2)),
            90..=93 => (EndReason::PasswordChanged, Duration::hours(1)),
            94..=97 => (EndReason::EndedByAdmin, Duration::hours(3)),
            98 => (EndReason::UserDeactivated, Duration::hours(5)),
            _ => (EndReason::Missing, Duration::hours(1)),
        };
        let message = (reason == EndReason::EndedByAdmin).then(|| MESSAGES[rng.usize(..MESSAGES.len())]);
        let at = (last_seen_at + wait).min(self.now);
        Times { created_at, last_seen_at, end: Some(End { at, reason, message }) }
    }

    /// The time of a past sign-in, mostly from 7 to 19 o'clock (UTC) on a weekday.
    fn random_sign_in(&self, rng: &mut Rng) -> PrimitiveDateTime {
        loop {
            let at = self.now - share(HISTORY_PERIOD, rng.f64());
            let is_quiet = !(7..19).contains(&at.hour()) || at.weekday().number_days_from_monday() > 4;
            if !is_quiet || rng.u8(..5) == 0 {
                return at;
            }
        }
    }
}

/// The duration in the type that dates are computed with; a longer one than that can hold becomes a year.
pub(super) fn time_duration(duration: std::time::Duration) -> Duration {
    Duration::try_from(duration).unwrap_or(Duration::days(365))
}

/// A part of the duration (0 to 1), rounded down to the microseconds that databases store.
pub(super) fn share(whole: Duration, part: f64) -> Duration {
    Duration::microseconds((whole.as_seconds_f64() * part * 1e6) as i64)
}

/// The beginning of the hour.
pub(super) fn start_of_hour(at: PrimitiveDateTime) -> PrimitiveDateTime {
    at.replace_time(Time::from_hms(at.hour(), 0, 0).unwrap_or(Time::MIDNIGHT))
}

/// 16 random bytes as URL-safe base64, in the format of a public session id.
fn session_id(rng: &mut Rng) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(rng.u128(..).to_be_bytes())
}
