//! Fills an empty database with generated users, devices, addresses and history: for trying the administration, and for measuring what
//! many sessions cost.

use std::collections::HashMap;

use fastrand::Rng;
use time::{Duration, PrimitiveDateTime};

use super::{
    history::{self, GeneratedSession, HISTORY, History},
    people, places,
    rows::{self, EventRow, SampleRow, SessionRow, UserRow},
};
use crate::{
    cli::progress::progress,
    clock::now,
    config::Config,
    crypto::random_url_safe,
    db::{Connector, Db, DbConnection},
    error::Error,
    sessions::Sessions,
    users::{Role, User, password::Passwords},
};

/// Rows that one statement inserts.
const BATCH: usize = 10_000;

/// How far back the security log goes for sessions that have ended.
const LOG: Duration = Duration::days(30);

/// The address of the administrator among them.
pub(super) const ADMINISTRATOR: &str = "admin@example.com";

/// How much to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// People, the administrator included; at least 1.
    pub users: usize,
    /// Active sessions.
    pub sessions: usize,
    /// Ended sessions of the last 90 days.
    pub ended: usize,
}

/// What was made.
pub(super) struct Filled {
    /// Entries of the security log.
    pub events: usize,
    /// Everyone's password.
    pub password: String,
}

/// Fills the database, which must have no users yet, and the session store.
///
/// # Errors
/// [`Error::BadRequest`] when there are users; [`Error::Unavailable`] when database or store can't be reached.
pub(super) async fn fill(config: &Config, db: &Db, sessions: &Sessions, size: Size) -> Result<Filled, Error> {
    use r2d2::ManageConnection as _;
    if db.run(User::any).await? {
        return Err(Error::BadRequest(
            "The database has users already; this fills an empty one only.".into(),
        ));
    }
    let mut conn = Connector::new(config.stores.database.clone()).connect().map_err(Error::unavailable)?;
    let browsers = places::browsers();
    let mut random = Rng::new();
    let history = History {
        seed: random.u64(..),
        users: size.users,
        active: size.sessions,
        ended: size.ended,
        now: now(),
        config: &config.session,
        browsers: &browsers,
    };
    let password = random_url_safe::<9>();
    let hash = Passwords::start()?.hash(password.clone()).await?;
    let plan_of_history = plan(&history);
    // All or nothing: what goes away before the commit has left no trace, its entries in the store apart.
    rows::begin(&mut conn)?;
    let indexes = rows::drop_indexes(&mut conn)?;
    let people = people(&history, &plan_of_history, &hash);
    let first = add_people(&mut conn, &people)?;
    add_sessions(&mut conn, &history, sessions, &people, first).await?;
    let events = add_events(&mut conn, &history, plan_of_history.events, first)?;
    rows::insert_samples(&mut conn, &plan_of_history.samples)?;
    let bar = progress("indexes", indexes.len() as u64);
    for index in bar.wrap_iter(indexes.into_iter()) {
        rows::create_index(&mut conn, &index)?;
    }
    rows::commit(&mut conn)?;
    Ok(Filled { events, password })
}

/// What must be computed from all sessions before the first row is written.
struct Plan {
    /// The last sign-in of each person.
    last_login: Vec<Option<PrimitiveDateTime>>,
    events: Vec<PlannedEvent>,
    samples: Vec<SampleRow>,
}

/// One entry of the log: when, what, and which session or person it is about. Ordered by time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct PlannedEvent {
    at: PrimitiveDateTime,
    kind: PlannedKind,
    number: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PlannedKind {
    Registered,
    Failed,
    SignedIn,
    Ended,
}

fn plan(history: &History<'_>) -> Plan {
    let mut last_login = vec![None; history.users];
    let mut events: Vec<PlannedEvent> = (0..history.users)
        .map(|number| PlannedEvent { at: registered(history, number), kind: PlannedKind::Registered, number })
        .collect();
    let mut change: HashMap<PrimitiveDateTime, i64> = HashMap::new();
    for number in with_progress("looking back", history.sessions()) {
        let session = history.session(number);
        let login = &mut last_login[session.user];
        *login = (*login).max(Some(session.created_at));
        *change.entry(history::hour(session.created_at)).or_default() += 1;
        if let Some(end) = &session.end {
            *change.entry(history::hour(end.at)).or_default() -= 1;
        }
        let logged = |at: PrimitiveDateTime| session.end.is_none() || history.now - at < LOG;
        if logged(session.created_at) {
            events.push(PlannedEvent { at: session.created_at, kind: PlannedKind::SignedIn, number });
            if number % 12 == 0 {
                let at = session.created_at - Duration::seconds(20);
                events.push(PlannedEvent { at, kind: PlannedKind::Failed, number });
            }
        }
        if let Some(end) = session.end.as_ref().filter(|end| logged(end.at)) {
            events.push(PlannedEvent { at: end.at, kind: PlannedKind::Ended, number });
        }
    }
    events.sort_unstable();
    Plan { last_login, events, samples: samples(history.now, &change) }
}

/// How many sessions were active at each full hour of the last 30 days.
fn samples(now: PrimitiveDateTime, change: &HashMap<PrimitiveDateTime, i64>) -> Vec<SampleRow> {
    let mut hours: Vec<(&PrimitiveDateTime, &i64)> = change.iter().collect();
    hours.sort_unstable();
    let mut active = 0;
    let mut samples = Vec::new();
    for (hour, change) in hours {
        active += change;
        let at = *hour + Duration::HOUR;
        if now - at < LOG && at < now {
            samples.push(SampleRow { at, active });
        }
    }
    samples
}

/// When a user registered: before the earliest session.
fn registered(history: &History<'_>, number: usize) -> PrimitiveDateTime {
    let mut rng = Rng::with_seed(history.seed.wrapping_add(number as u64));
    let sessions = HISTORY.max(history::time_span(history.config.absolute_ttl));
    history.now - sessions - history::share(Duration::days(365), rng.f64())
}

fn people(history: &History<'_>, plan_of_history: &Plan, hash: &str) -> Vec<UserRow> {
    let mut rng = Rng::with_seed(history.seed);
    let person = |number| {
        let (name, email) = match number {
            0 => ("Administrator".to_owned(), ADMINISTRATOR.to_owned()),
            _ => people::person(number, &mut rng),
        };
        let role = if number % 500 == 0 { Role::Admin } else { Role::User };
        let last_login_at = plan_of_history.last_login[number];
        UserRow::new(name, email, hash, role, registered(history, number), last_login_at)
    };
    (0..history.users).map(person).collect()
}

/// The result is the id of the first of them.
fn add_people(conn: &mut DbConnection, people: &[UserRow]) -> Result<i64, Error> {
    let mut first = None;
    let bar = progress("people", people.len() as u64);
    for batch in people.chunks(BATCH) {
        let id = rows::insert_users(conn, batch)?;
        first = first.or(Some(id));
        bar.inc(batch.len() as u64);
    }
    bar.finish();
    first.ok_or_else(|| Error::bug("a demonstration without people"))
}

async fn add_sessions(
    conn: &mut DbConnection,
    history: &History<'_>,
    sessions: &Sessions,
    people: &[UserRow],
    first: i64,
) -> Result<(), Error> {
    for numbers in batches(with_progress("sessions", history.sessions())) {
        let session: Vec<GeneratedSession<'_>> =
            numbers.into_iter().map(|number| history.session(number)).collect();
        let stored: Vec<_> = session
            .iter()
            .filter(|session| session.end.is_none())
            .map(|session| {
                (session.store_key.as_str(), session.state(first), session.expires_at - history.now)
            })
            .collect();
        sessions.put_entries(&stored).await?;
        let in_catalogue = !sessions.has_entries();
        let row = |session: &GeneratedSession<'_>| {
            SessionRow::new(session, &people[session.user], first, in_catalogue)
        };
        let rows = session.iter().map(row).collect();
        rows::insert_sessions(conn, rows)?;
    }
    Ok(())
}

fn add_events(
    conn: &mut DbConnection,
    history: &History<'_>,
    events: Vec<PlannedEvent>,
    first: i64,
) -> Result<usize, Error> {
    let count = events.len();
    let bar = progress("events", count as u64);
    for planned in events.chunks(BATCH) {
        let rows = planned.iter().map(|event| match event.kind {
            PlannedKind::Registered => EventRow::registered(event.at, first + event.number as i64),
            PlannedKind::Failed => EventRow::failed(event.at, &history.session(event.number), first),
            PlannedKind::SignedIn => EventRow::signed_in(&history.session(event.number), first),
            PlannedKind::Ended => EventRow::ended(event.at, &history.session(event.number), first),
        });
        rows::insert_events(conn, rows.collect())?;
        bar.inc(planned.len() as u64);
    }
    bar.finish();
    Ok(count)
}

/// The numbers below `count`, in batches.
fn batches(mut numbers: impl Iterator<Item = usize>) -> impl Iterator<Item = Vec<usize>> {
    std::iter::from_fn(move || {
        let batch: Vec<usize> = numbers.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then_some(batch)
    })
}

fn with_progress(kind: &'static str, count: usize) -> impl Iterator<Item = usize> {
    progress(kind, count as u64).wrap_iter(0..count)
}
