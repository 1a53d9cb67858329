//! The outbox: mail is written into it in the transaction of what it tells, and sent from it in the background by any instance.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prometheus_client::registry::Registry;
use tokio::sync::Notify;

use super::{
    letter::Letter,
    rows::{self, DueMail, LastFailure, StoredMail},
    sender::Sender,
    transport::{Refusal, Transport, greeting},
};
use crate::{
    clock::now,
    config::{Config, KnownSecrets, Server},
    db::{Db, DbConnection},
    error::Error,
    telemetry::metrics::{Counts, Labels},
};

/// How often an instance looks for mail that another one or the command line has written.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// What becomes of an attempt to send, as metrics have it.
const ACCEPTED: Labels<1> = [("result", "accepted")];
const POSTPONED: Labels<1> = [("result", "postponed")];
const GIVEN_UP: Labels<1> = [("result", "given_up")];

/// Most characters of what a server says that are kept.
const MAX_REASON: usize = 300;

/// The mail of the site.
pub struct Outbox {
    db: Db,
    server: Server,
    sender: Sender,
    transport: Transport,
    secrets: KnownSecrets,
    /// Notified when mail was written here.
    written: Notify,
    stopping: AtomicBool,
    /// What became of attempts to send.
    attempts: Counts<1>,
}

/// How it goes with the mail.
#[derive(Debug, Clone)]
pub struct OutboxState {
    /// Where mail goes, in words.
    pub destination: String,
    /// How many mails wait to be accepted.
    pub waiting: i64,
    /// How many were given up within 30 days.
    pub given_up: i64,
    /// The last failure, if there was one within 30 days among the mails that wait or were given up.
    pub last_failure: Option<LastFailure>,
}

impl Outbox {
    /// The outbox in this database. Connects to nothing yet.
    pub fn new(config: &Config, db: Db) -> Self {
        let server = config.server.clone();
        let transport = match &config.mail.server {
            Some(url) => Transport::Server(Box::new(url.clone()), greeting(server.base_url.host())),
            None => Transport::Folder(config.mail.folder.clone()),
        };
        Self {
            db,
            sender: Sender::new(config),
            transport,
            server,
            secrets: config.secrets.clone(),
            written: Notify::new(),
            stopping: AtomicBool::new(false),
            attempts: Counts::default(),
        }
    }

    /// The address of a path of this site, for the button of a letter.
    pub fn href(&self, path: &str) -> String {
        self.server.href(path)
    }

    /// The site as its letters name it: `SITE_NAME`, or the host of `BASE_URL`.
    pub fn site(&self) -> &str {
        &self.sender.site
    }

    /// Now, as letters say it: "21 November 2026 at 04:39 CET".
    pub fn moment(&self) -> String {
        self.sender.zone.format(now(), "%-d %B %Y at %H:%M %Z")
    }

    /// Writes a letter, inside the transaction of what it tells. Afterwards [`Outbox::send_soon`] is to be called. A letter to an
    /// address to which no mail can be sent is left out, with an entry in the log.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn write(&self, conn: &mut DbConnection, letter: &Letter) -> Result<(), Error> {
        match letter.message(&self.sender)? {
            Some((recipient, message)) => {
                rows::insert(conn, letter.kind, letter.user, recipient.as_ref(), &message)
            }
            None => {
                tracing::warn!(kind = letter.kind.name(), "no mail can be sent to the address of an account");
                Ok(())
            }
        }
    }

    /// Deletes the mail of a user that waits or was given up, inside the transaction that deletes the account.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn forget(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
        rows::delete_of(conn, user)
    }

    /// The mail of a user that waits or was given up.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn mails_of(conn: &mut DbConnection, user: i64) -> Result<Vec<StoredMail>, Error> {
        rows::of_user(conn, user)
    }

    /// Lets this instance send what was written, once its transaction is committed.
    pub fn send_soon(&self) {
        self.written.notify_one();
    }

    /// How it goes with the mail.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn state(&self) -> Result<OutboxState, Error> {
        let (waiting, given_up, last_failure) = self.db.run(rows::count).await?;
        Ok(OutboxState { destination: self.transport.describe(), waiting, given_up, last_failure })
    }

    /// Sends mail, one after the other, until [`Outbox::stop`].
    pub async fn run(self: Arc<Self>) {
        while !self.stopping.load(Ordering::Acquire) {
            let pause = match self.send_next().await {
                Ok(None) => continue,
                Ok(Some(pause)) => pause,
                Err(error) => {
                    tracing::debug!(error = ?error.causes(), "the outbox can't be read");
                    POLL_INTERVAL
                }
            };
            tokio::select! {
                () = self.written.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Begins no other mail.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.written.notify_one();
    }

    /// Sends the mail that has been due for longest. Returns how long there is nothing to do if there was none.
    async fn send_next(&self) -> Result<Option<Duration>, Error> {
        match self.db.run(rows::lease).await? {
            Ok(mail) => {
                self.send(mail).await?;
                Ok(None)
            }
            Err(None) => Ok(Some(POLL_INTERVAL)),
            Err(Some(due)) => {
                let pause = Duration::try_from(due - now()).unwrap_or_default();
                Ok(Some(pause.min(POLL_INTERVAL)))
            }
        }
    }

    /// Sends one mail. What becomes of it is written again and again while the database is away: if that is lost, it is sent twice.
    async fn send(&self, mail: DueMail) -> Result<(), Error> {
        let (id, kind) = (mail.id, mail.kind.name());
        let refusal = match self.transport.send(&mail, &self.sender.from.email).await {
            Ok(()) => {
                self.attempts.add(ACCEPTED);
                tracing::info!(mail = id, kind, "a mail was accepted");
                return self
                    .db
                    .with_retries(async |db| db.run(move |conn| rows::delete(conn, id)).await)
                    .await;
            }
            Err(refusal) => refusal,
        };
        let (reason, next) = match refusal {
            Refusal::Later(reason) => (reason, rows::next_try(&mail, now())),
            Refusal::ForGood(reason) => (reason, None),
        };
        let reason = self.shown(&reason);
        self.attempts.add(if next.is_some() { POSTPONED } else { GIVEN_UP });
        match next {
            Some(_) => {
                tracing::warn!(mail = id, kind, reason = ?reason, "a mail was not accepted and is tried again");
            }
            None => tracing::error!(mail = id, kind, reason = ?reason, "a mail could not be sent"),
        }
        // Of somebody whose account is gone nothing is kept.
        let forget = next.is_none() && mail.user.is_none();
        let postpone = async |db: &Db| {
            let reason = reason.clone();
            let write = move |conn: &mut DbConnection| match forget {
                true => rows::delete(conn, id),
                false => rows::postpone(conn, id, &reason, next),
            };
            db.run(write).await
        };
        self.db.with_retries(postpone).await
    }

    /// Registers what became of mail.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let help = "Attempts to send a mail: accepted, postponed or given up";
        self.attempts.register(registry, "mail_attempts", help, [ACCEPTED, POSTPONED, GIVEN_UP]);
    }

    /// What a server says, as a page and the log may show it.
    fn shown(&self, reason: &str) -> String {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        self.secrets.mask(reason).chars().map(printable).take(MAX_REASON).collect()
    }
}
