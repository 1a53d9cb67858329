//! What is recorded of a key that somebody else has presented, who is told of it, and what ends.

use std::net::IpAddr;

use time::{Duration, PrimitiveDateTime};

use super::{notices::Notices, service::Accounts, stolen_key::StolenKey};
use crate::{
    clock::now,
    config::Tripwire,
    db::DbConnection,
    error::Error,
    events::{
        Event, EventKind, StoredEvent, last_of,
        log::{last_of_anybody, since},
    },
    security::Network,
    sessions::{
        EndReason, EndRequest, Target,
        catalogue::{
            device::{Device, may_be_same},
            end::{self, Ended},
            stolen_keys,
        },
    },
    users::User,
};

/// How long the same client with a key of the same session is not recorded again.
const QUIET: Duration = Duration::hours(1);
/// Most events of an account in that time, from however many places.
const MOST_EVENTS: i64 = 10;
/// How long a person is told of it only once, unless sessions end.
const BETWEEN_MAILS: Duration = Duration::days(1);

/// How long people read of it on the page of their sessions.
const LATELY: Duration = Duration::days(30);

/// What becomes of it.
struct Recorded {
    ended: Vec<Ended>,
    has_mail: bool,
}

impl Accounts {
    /// When somebody else last presented a key of a session of a user, if that was lately.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn key_stolen_lately(&self, user: i64) -> Result<Option<PrimitiveDateTime>, Error> {
        let mut last = self.db.run(move |conn| stolen_keys::last_of(conn, &[user])).await?;
        Ok(last.remove(&user).filter(|at| *at > ago(LATELY)))
    }

    /// Records a stolen key, unless the like was of late.
    pub(super) async fn record_stolen(&self, stolen: StolenKey) -> Result<(), Error> {
        let (key, mode, in_store) = (stolen.key, self.watch.mode, self.sessions.has_entries());
        let notices = self.notices();
        let record = move |conn: &mut DbConnection| record(conn, &stolen, mode, in_store, &notices);
        let recorded = match self.db.transaction(record).await {
            // The account was deleted meanwhile.
            Err(Error::NotFound) => None,
            recorded => recorded?,
        };
        let Some(Recorded { ended, has_mail }) = recorded else { return Ok(()) };
        self.watch.count(key);
        if has_mail {
            self.outbox.send_soon();
        }
        self.sessions.announce_and_delete(&ended).await;
        Ok(())
    }
}

/// Records it, and ends the person's sessions where that is wanted: once for each session with a stolen key, or whoever has an old key
/// could sign its person out for ever. `None`: the like was recorded of late.
fn record(
    conn: &mut DbConnection,
    stolen: &StolenKey,
    mode: Tripwire,
    in_store: bool,
    notices: &Notices,
) -> Result<Option<Recorded>, Error> {
    let StolenKey { key, owner, client } = stolen;
    let user = User::lock(conn, owner.user)?;
    let recent = since(conn, user.id, EventKind::StolenKeyUsed, ago(QUIET), MOST_EVENTS)?;
    if i64::try_from(recent.len()).is_ok_and(|count| count >= MOST_EVENTS)
        || recent.iter().any(|event| is_alike(event, stolen))
    {
        return Ok(None);
    }
    let told = last_of(conn, user.id, &[EventKind::StolenKeyUsed])?;
    let is_site_quiet = last_of_anybody(conn, EventKind::StolenKeyUsed)?.is_none_or(|at| at < ago(QUIET));
    let event = Event::new(EventKind::StolenKeyUsed, Some(user.id)).by(None).session(&owner.session);
    event.from(Some(client)).detail(key.name()).write(conn)?;
    let is_first = stolen_keys::mark(conn, &owner.session)?;
    let ended = match mode {
        Tripwire::End if is_first => {
            User::raise_epoch(conn, user.id)?;
            let request = EndRequest::by_system(EndReason::StolenKey);
            end::end(conn, &Target::AllOf { user: user.id }, &request, in_store)?
        }
        Tripwire::End | Tripwire::Notify | Tripwire::Off => Vec::new(),
    };
    let is_due = told.is_none_or(|told| told < ago(BETWEEN_MAILS)) || !ended.is_empty();
    let has_mail = user.active && is_due && notices.are_on();
    if has_mail {
        notices.stolen_key_used(conn, &user, stolen, !ended.is_empty(), is_site_quiet)?;
    }
    Ok(Some(Recorded { ended, has_mail }))
}

/// Whether an event tells of the same client with a key of the same session.
fn is_alike(event: &StoredEvent, stolen: &StolenKey) -> bool {
    let network = |ip: &str| ip.parse::<IpAddr>().ok().map(Network::of);
    let device = Device::parse(event.user_agent.as_deref().unwrap_or_default());
    let presented = Device::parse(&stolen.client.user_agent);
    event.session_id.as_deref() == Some(stolen.owner.session.as_str())
        && event.ip.as_deref().and_then(network) == Some(stolen.client.network())
        && may_be_same((&device.browser, &device.os), (&presented.browser, &presented.os))
}

fn ago(time: Duration) -> PrimitiveDateTime {
    now().saturating_sub(time)
}
