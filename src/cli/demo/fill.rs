//! Fills an empty database with generated users, sessions and events that look real, for trying the pages and for measurements with
//! many sessions.

use fastrand::Rng;
use time::PrimitiveDateTime;

use super::{
    history::{GeneratedSession, History},
    insert, people, places,
    rows::{DeviceKeyRow, EventRow, SessionRow, UserRow},
    timeline::{GeneratedEvent, GeneratedKind, Timeline, registered_at, timeline},
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

/// Rows that are generated and inserted at once.
const BATCH_SIZE: usize = 10_000;

/// The address of the first user, an administrator.
pub(super) const ADMINISTRATOR: &str = "admin@example.com";

/// One user of so many is an administrator.
const USERS_PER_ADMINISTRATOR: usize = 500;

/// How much to generate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Users, the administrator included; at least 1.
    pub users: usize,
    /// Active sessions.
    pub sessions: usize,
    /// Ended sessions of the last 90 days.
    pub ended: usize,
}

/// What was generated.
pub(super) struct Filled {
    /// How many events of the security log.
    pub events: usize,
    /// The password of every user.
    pub password: String,
}

/// Fills the database, which must have no users yet, and the session store.
///
/// # Errors
/// [`Error::BadRequest`] when there are users; [`Error::Unavailable`] when database or store can't be reached.
pub(super) async fn fill(config: &Config, db: &Db, sessions: &Sessions, size: Size) -> Result<Filled, Error> {
    if db.run(User::any).await? {
        return Err(Error::BadRequest(
            "The database has users already; this fills an empty one only.".into(),
        ));
    }
    let mut conn = Connector::new(config.stores.database.clone()).connect().map_err(Error::unavailable)?;
    let browsers = places::browsers();
    let mut rng = Rng::new();
    let history = History {
        seed: rng.u64(..),
        users: size.users,
        active: size.sessions,
        ended: size.ended,
        now: now(),
        config: &config.session,
        browsers: &browsers,
    };
    let password = random_url_safe::<9>()?;
    let hash = Passwords::start()?.hash_generated(password.clone()).await?;
    let Timeline { last_login, events, samples } = timeline(&history);
    // One transaction: a failure before the commit leaves nothing behind but entries in the store.
    insert::begin(&mut conn)?;
    let indexes = insert::drop_indexes(&mut conn)?;
    let users = user_rows(&history, &last_login, &hash);
    let first = add_users(&mut conn, &users)?;
    add_sessions(&mut conn, &history, sessions, &users, first).await?;
    let events = add_events(&mut conn, &history, events, first)?;
    insert::samples(&mut conn, &samples)?;
    let bar = progress("indexes", indexes.len() as u64);
    for definition in bar.wrap_iter(indexes.into_iter()) {
        insert::create_index(&mut conn, &definition)?;
    }
    insert::commit(&mut conn)?;
    Ok(Filled { events, password })
}

fn user_rows(
    history: &History<'_>,
    last_login: &[Option<PrimitiveDateTime>],
    password_hash: &str,
) -> Vec<UserRow> {
    let mut rng = Rng::with_seed(history.seed);
    let row = |number| {
        let (name, email) = match number {
            0 => ("Administrator".to_owned(), ADMINISTRATOR.to_owned()),
            _ => people::name_and_address(number, &mut rng),
        };
        let role = if number % USERS_PER_ADMINISTRATOR == 0 { Role::Admin } else { Role::User };
        let created_at = registered_at(history, number);
        UserRow::new(name, email, password_hash, role, created_at, last_login[number])
    };
    (0..history.users).map(row).collect()
}

/// Inserts the users; returns the id of the first, which the others' ids follow in order.
fn add_users(conn: &mut DbConnection, users: &[UserRow]) -> Result<i64, Error> {
    let mut first = None;
    let bar = progress("people", users.len() as u64);
    for batch in users.chunks(BATCH_SIZE) {
        let id = insert::users(conn, batch)?;
        first = first.or(Some(id));
        bar.inc(batch.len() as u64);
    }
    bar.finish();
    first.ok_or_else(|| Error::bug("a demonstration without people"))
}

/// Inserts the sessions, and puts the states of the active ones into the store. `first`: the id of the first user.
async fn add_sessions(
    conn: &mut DbConnection,
    history: &History<'_>,
    sessions: &Sessions,
    users: &[UserRow],
    first: i64,
) -> Result<(), Error> {
    let count = history.sessions();
    for numbers in batches(progress("sessions", count as u64).wrap_iter(0..count)) {
        let generated: Vec<GeneratedSession<'_>> =
            numbers.into_iter().map(|number| history.session(number)).collect();
        let entries: Vec<_> = generated
            .iter()
            .filter(|session| session.end.is_none())
            .map(|session| {
                (session.store_key.as_str(), session.state(first), session.expires_at - history.now)
            })
            .collect();
        sessions.put_entries(&entries).await?;
        let in_catalogue = !sessions.has_entries();
        let row = |session| SessionRow::new(session, &users[session.user], first, in_catalogue);
        let keys = generated.iter().filter_map(DeviceKeyRow::of).collect();
        insert::sessions(conn, generated.iter().map(row).collect(), keys)?;
    }
    Ok(())
}

/// Inserts the events; returns how many there are. `first`: the id of the first user.
fn add_events(
    conn: &mut DbConnection,
    history: &History<'_>,
    events: Vec<GeneratedEvent>,
    first: i64,
) -> Result<usize, Error> {
    let count = events.len();
    let bar = progress("events", count as u64);
    for batch in events.chunks(BATCH_SIZE) {
        let rows = batch.iter().map(|event| match event.kind {
            GeneratedKind::Registered => EventRow::registered(event.at, first + event.number as i64),
            GeneratedKind::SignInFailed => {
                EventRow::sign_in_failed(event.at, &history.session(event.number), first)
            }
            GeneratedKind::SignedIn => EventRow::signed_in(&history.session(event.number), first),
            GeneratedKind::SessionEnded => {
                EventRow::session_ended(event.at, &history.session(event.number), first)
            }
        });
        insert::events(conn, rows.collect())?;
        bar.inc(batch.len() as u64);
    }
    bar.finish();
    Ok(count)
}

/// The numbers in batches.
fn batches(mut numbers: impl Iterator<Item = usize>) -> impl Iterator<Item = Vec<usize>> {
    std::iter::from_fn(move || {
        let batch: Vec<usize> = numbers.by_ref().take(BATCH_SIZE).collect();
        (!batch.is_empty()).then_some(batch)
    })
}
