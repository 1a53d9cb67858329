//! What has to be known of all generated sessions before the first row is written: sign-ins, events and samples, by time.

use std::collections::HashMap;

use fastrand::Rng;
use time::{Duration, PrimitiveDateTime};

use super::{
    history::{self, HISTORY_PERIOD, History},
    rows::SampleRow,
};
use crate::cli::progress::progress;

/// How far back the security log goes for sessions that have ended, and the samples go.
const LOG_PERIOD: Duration = Duration::days(30);

/// One failed sign-in is generated for so many sessions.
const SESSIONS_PER_FAILURE: usize = 12;

/// What has to be known of all sessions before the first row is written.
pub(super) struct Timeline {
    /// The last sign-in of each user, by the user's number.
    pub last_login: Vec<Option<PrimitiveDateTime>>,
    /// All events, by time.
    pub events: Vec<GeneratedEvent>,
    /// How many sessions were active at each full hour of the last 30 days.
    pub samples: Vec<SampleRow>,
}

/// An event of the security log. Ordered by time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GeneratedEvent {
    pub at: PrimitiveDateTime,
    pub kind: GeneratedKind,
    /// The number of the user, for [`GeneratedKind::Registered`], or of the session that it is about.
    pub number: usize,
}

/// What happened. The order is that of events at the same time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GeneratedKind {
    Registered,
    SignInFailed,
    SignedIn,
    SessionEnded,
}

/// Generates all sessions once, and keeps the times of what happened.
pub(super) fn timeline(history: &History<'_>) -> Timeline {
    let mut last_login = vec![None; history.users];
    let mut events: Vec<GeneratedEvent> = (0..history.users)
        .map(|number| GeneratedEvent {
            at: registered_at(history, number),
            kind: GeneratedKind::Registered,
            number,
        })
        .collect();
    let mut changes: HashMap<PrimitiveDateTime, i64> = HashMap::new();
    let count = history.sessions();
    for number in progress("looking back", count as u64).wrap_iter(0..count) {
        let session = history.session(number);
        let login = &mut last_login[session.user];
        *login = (*login).max(Some(session.created_at));
        *changes.entry(history::start_of_hour(session.created_at)).or_default() += 1;
        if let Some(end) = &session.end {
            *changes.entry(history::start_of_hour(end.at)).or_default() -= 1;
        }
        let is_logged = |at: PrimitiveDateTime| session.end.is_none() || history.now - at < LOG_PERIOD;
        if is_logged(session.created_at) {
            let at = session.created_at;
            events.push(GeneratedEvent { at, kind: GeneratedKind::SignedIn, number });
            if number % SESSIONS_PER_FAILURE == 0 {
                let at = at - Duration::seconds(20);
                events.push(GeneratedEvent { at, kind: GeneratedKind::SignInFailed, number });
            }
        }
        if let Some(end) = session.end.as_ref().filter(|end| is_logged(end.at)) {
            events.push(GeneratedEvent { at: end.at, kind: GeneratedKind::SessionEnded, number });
        }
    }
    events.sort_unstable();
    Timeline { last_login, events, samples: samples(history.now, &changes) }
}

/// The samples; `changes` has the difference in active sessions in each hour, by its beginning.
fn samples(now: PrimitiveDateTime, changes: &HashMap<PrimitiveDateTime, i64>) -> Vec<SampleRow> {
    let mut hours: Vec<(&PrimitiveDateTime, &i64)> = changes.iter().collect();
    hours.sort_unstable();
    let mut active = 0;
    let mut samples = Vec::new();
    for (hour, change) in hours {
        active += change;
        let at = *hour + Duration::HOUR;
        if now - at < LOG_PERIOD && at < now {
            samples.push(SampleRow { at, active });
        }
    }
    samples
}

/// When a user registered: before the first session of all.
pub(super) fn registered_at(history: &History<'_>, number: usize) -> PrimitiveDateTime {
    let mut rng = Rng::with_seed(history.seed.wrapping_add(number as u64));
    let oldest_session = HISTORY_PERIOD.max(history::time_duration(history.config.absolute_ttl));
    history.now - oldest_session - history::share(Duration::days(365), rng.f64())
}
