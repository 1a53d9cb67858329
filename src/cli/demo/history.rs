//! Sessions that nobody had. Each is made from its number alone, so that the same session can be made again when its
//! events are written, and millions need no memory.

use std::net::IpAddr;

use fastrand::Rng;
use time::{Duration, PrimitiveDateTime, Time};

use super::places::{self, Browser};
use crate::{config, sessions::EndReason};

/// How far back ended sessions go.
pub(super) const HISTORY: Duration = Duration::days(90);

/// Longest time since the last activity of a session without "remember me": people go to lunch.
const PAUSE: Duration = Duration::hours(10);

/// What administrators write when they end a session.
const NOTES: [&str; 4] = ["Lost laptop", "Left the company", "Unusual place", "Asked for by phone"];

/// Who and when: everything that sessions are made of.
pub(super) struct History<'a> {
    /// Makes another history.
    pub seed: u64,
    /// People, by number from 0.
    pub users: usize,
    /// Sessions that are active; they have the first numbers.
    pub active: usize,
    /// Sessions that have ended.
    pub ended: usize,
    /// The present.
    pub now: PrimitiveDateTime,
    /// The lifetimes.
    pub config: &'a config::Session,
    /// What people have.
    pub browsers: &'a [Browser],
}

/// A session.
pub struct Made<'a> {
    /// The public session id.
    pub id: String,
    /// Hex, as if it were the SHA-256 of a key.
    pub store_key: String,
    /// The number of its user.
    pub user: usize,
    pub created_at: PrimitiveDateTime,
    pub last_seen_at: PrimitiveDateTime,
    pub expires_at: PrimitiveDateTime,
    pub absolute_expires_at: PrimitiveDateTime,
    pub remembered: bool,
    pub browser: &'a Browser,
    pub ip: IpAddr,
    pub end: Option<End>,
}

/// How a session ended.
pub struct End {
    pub at: PrimitiveDateTime,
    pub reason: EndReason,
    pub note: Option<&'static str>,
}

impl<'a> History<'a> {
    /// Active and ended ones.
    pub(super) fn sessions(&self) -> usize {
        self.active + self.ended
    }

    /// The session of that number.
    pub(super) fn session(&self, number: usize) -> Made<'a> {
        let mut rng = Rng::with_seed(self.seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let user = self.user(&mut rng);
        let (browser, ip) = self.place(user, &mut rng);
        let id = url_safe(&mut rng);
        let store_key: String = (0..4).map(|_| format!("{:016x}", rng.u64(..))).collect();
        let remembered = rng.u8(..10) < 4;
        let (created_at, last_seen_at, end) = if number < self.active {
            let (created_at, last_seen_at) = self.still_here(remembered, &mut rng);
            (created_at, last_seen_at, None)
        } else {
            self.gone(&mut rng)
        };
        let absolute_expires_at = created_at + span(self.config.absolute_ttl);
        let expires_at = (last_seen_at + span(self.config.ttl(remembered))).min(absolute_expires_at);
        Made {
            id,
            store_key,
            user,
            created_at,
            last_seen_at,
            expires_at,
            absolute_expires_at,
            remembered,
            browser,
            ip,
            end,
        }
    }

    /// Some people sign in more often than others.
    fn user(&self, rng: &mut Rng) -> usize {
        let often = rng.f64() * rng.f64();
        ((often * self.users as f64) as usize).min(self.users - 1)
    }

    /// Most sign-ins come from one of two devices of the person, at one of two places.
    fn place(&self, user: usize, rng: &mut Rng) -> (&'a Browser, IpAddr) {
        if rng.u8(..20) == 0 {
            return (places::browser(self.browsers, rng), places::address(rng));
        }
        let own = if rng.bool() { 1 } else { 2 };
        let mut own = Rng::with_seed(self.seed ^ (user as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95) ^ own);
        (places::browser(self.browsers, &mut own), places::address(&mut own))
    }

    /// Sign-in and last activity of a session that neither limit has ended yet.
    fn still_here(&self, remembered: bool, rng: &mut Rng) -> (PrimitiveDateTime, PrimitiveDateTime) {
        let idle = span(self.config.ttl(remembered));
        let longest = if remembered { idle } else { idle.min(PAUSE) };
        let last_seen_at = self.now - share(longest, 0.95 * rng.f64().powi(3));
        let lifetime = share(span(self.config.absolute_ttl), 0.95);
        let oldest = Duration::ZERO.max(lifetime - (self.now - last_seen_at));
        let used = if remembered { oldest } else { oldest.min(Duration::days(3)) };
        (last_seen_at - share(used, rng.f64().powi(2)), last_seen_at)
    }

    /// Sign-in, last activity and end of a session of the past.
    fn gone(&self, rng: &mut Rng) -> (PrimitiveDateTime, PrimitiveDateTime, Option<End>) {
        let created_at = self.working_hours(rng);
        let left = self.now - created_at;
        let used = share(Duration::days(4), rng.f64().powi(4)).min(share(left, rng.f64()));
        let last_seen_at = created_at + used;
        let (reason, wait) = match rng.u8(..100) {
            0..=44 => (EndReason::Logout, Duration::ZERO),
            45..=76 => (EndReason::Idle, span(self.config.idle_ttl)),
            77..=84 => (EndReason::Replaced, Duration::minutes(30)),
            85..=89 => (EndReason::EndedByUser, Duration::hours(2)),
            90..=93 => (EndReason::PasswordChanged, Duration::hours(1)),
            94..=97 => (EndReason::EndedByAdmin, Duration::hours(3)),
            98 => (EndReason::UserDeactivated, Duration::hours(5)),
            _ => (EndReason::Missing, Duration::hours(1)),
        };
        let note = (reason == EndReason::EndedByAdmin).then(|| NOTES[rng.usize(..NOTES.len())]);
        let at = (last_seen_at + wait).min(self.now);
        (created_at, last_seen_at, Some(End { at, reason, note }))
    }

    /// A time in the past, rather by day than by night and rather not on a Sunday.
    fn working_hours(&self, rng: &mut Rng) -> PrimitiveDateTime {
        loop {
            let at = self.now - share(HISTORY, rng.f64());
            let quiet = !(7..19).contains(&at.hour()) || at.weekday().number_days_from_monday() > 4;
            if !quiet || rng.u8(..5) == 0 {
                return at;
            }
        }
    }
}

/// A lifetime as the calendar counts.
pub(super) fn span(duration: std::time::Duration) -> Duration {
    Duration::try_from(duration).unwrap_or(Duration::days(365))
}

/// A part of the time, in the microseconds that databases keep.
pub(super) fn share(of: Duration, part: f64) -> Duration {
    Duration::microseconds((of.as_seconds_f64() * part * 1e6) as i64)
}

/// The start of the hour.
pub(super) fn hour(at: PrimitiveDateTime) -> PrimitiveDateTime {
    at.replace_time(Time::from_hms(at.hour(), 0, 0).unwrap_or(Time::MIDNIGHT))
}

/// 16 random bytes.
fn url_safe(rng: &mut Rng) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(rng.u128(..).to_be_bytes())
}
