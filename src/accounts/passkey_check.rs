//! What a passkey says: whether it is right, whose passkey it is, and what the log and the user are told where it is not.

use super::service::Accounts;
use crate::{
    clock::now,
    db::DbConnection,
    error::{Error, PasskeyRefusal},
    events::{Event, EventKind, last_of},
    security::Client,
    users::{
        User,
        ceremonies::{Answer, Ceremonies, Check, ReadUse, StoredPasskey, Used},
        ceremony_state::{Purpose, UnusedCeremony},
        factors::{self, Factors},
        passkeys,
    },
};

/// A user is mailed once in this time that a passkey seems to have been copied.
const BETWEEN_MAILS: time::Duration = time::Duration::days(1);

/// What was read of an answer.
pub(super) enum ReadAnswer {
    /// Of this passkey; it is not checked yet.
    Of(Box<(ReadUse, StoredPasskey, User)>),
    /// Of nobody.
    Refused(PasskeyRefusal),
}

impl ReadAnswer {
    /// The account whose passkey it is.
    pub(super) fn owner(&self) -> Option<&User> {
        match self {
            Self::Of(found) => Some(&found.2),
            Self::Refused(_) => None,
        }
    }
}

/// A passkey whose answer is right. [`CheckedPasskey::record`] goes into the transaction of what comes of it.
pub(super) struct CheckedPasskey {
    ceremony: UnusedCeremony,
    stored: StoredPasskey,
    used: Used,
}

impl CheckedPasskey {
    /// Uses the ceremony up and records the use of the passkey.
    ///
    /// # Errors
    /// [`Error::PasskeyRefused`] when one of them is gone meanwhile.
    pub(super) fn record(&self, conn: &mut DbConnection) -> Result<(), Error> {
        if self.ceremony.use_up(conn)? && passkeys::record_use(conn, &self.stored, &self.used)? {
            Ok(())
        } else {
            Err(Error::PasskeyRefused(PasskeyRefusal::Wrong))
        }
    }
}

impl Accounts {
    /// The host that passkeys are for; `None`: the site is reached by an IP address, and there are none.
    pub fn passkey_host(&self) -> Option<&str> {
        self.ceremonies.as_ref().as_ref().map(Ceremonies::rp_id)
    }

    /// The same, for an operation that needs them.
    pub(super) fn ceremonies(&self) -> Result<&Ceremonies, Error> {
        self.ceremonies.as_ref().as_ref().ok_or(Error::Forbidden(
            "There are no passkeys here: BASE_URL has an IP address, and they need a name.",
        ))
    }

    /// What a user can show beside the password.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn factors_of(&self, user: i64) -> Result<Factors, Error> {
        let host = self.passkey_host().map(str::to_owned);
        self.db.run(move |conn| factors::of_user(conn, user, host.as_deref())).await
    }

    /// Reads what a passkey says, for this purpose.
    pub(super) async fn read_answer(
        &self,
        purpose: &Purpose,
        answer: Option<&Answer>,
    ) -> Result<ReadAnswer, Error> {
        let ceremonies = self.ceremonies()?;
        let read = answer.and_then(|answer| ceremonies.read_use(&self.second_factors, purpose, answer));
        let Some(read) = read else { return Ok(ReadAnswer::Refused(PasskeyRefusal::Wrong)) };
        let (host, id) = (ceremonies.rp_id().to_owned(), read.credential_id());
        let found = self.db.run(move |conn| passkeys::by_credential(conn, &host, &id)).await?;
        Ok(match found {
            Some((stored, user)) => ReadAnswer::Of(Box::new((read, stored, user))),
            None => ReadAnswer::Refused(PasskeyRefusal::Unknown),
        })
    }

    /// Checks what was read. `of`: the account that it has to be of; `None`: the passkey has to say of which it is.
    ///
    /// # Errors
    /// [`Error::PasskeyRefused`] when it is not right; that a passkey seems to have been copied is recorded, and its user is told.
    pub(super) async fn check_answer(
        &self,
        read: ReadAnswer,
        of: Option<i64>,
        client: &Client,
    ) -> Result<(CheckedPasskey, User), Error> {
        let found = match read {
            ReadAnswer::Of(found) => *found,
            ReadAnswer::Refused(refusal) => return Err(Error::PasskeyRefused(refusal)),
        };
        let (read, stored, user) = found;
        let refusal = match of {
            Some(id) if stored.user_id != id => Some(PasskeyRefusal::Unknown),
            None if !read.names_user() => Some(PasskeyRefusal::Incomplete),
            // The passkey is as good as before once the account is activated again.
            None if !user.active => Some(PasskeyRefusal::Wrong),
            _ => None,
        };
        if let Some(refusal) = refusal {
            return Err(Error::PasskeyRefused(refusal));
        }
        let ceremony = read.ceremony();
        match self.ceremonies()?.check_use(read, &stored) {
            Check::Right(used) => Ok((CheckedPasskey { ceremony, stored, used }, user)),
            Check::Wrong => Err(Error::PasskeyRefused(PasskeyRefusal::Wrong)),
            Check::Cloned => {
                let refusal = self.record_clone(ceremony, user, stored.name, client.clone()).await?;
                Err(Error::PasskeyRefused(refusal))
            }
        }
    }

    /// Records that a passkey seems to have been copied, unless the ceremony was used before: then its own answer was sent twice, and the
    /// counter has gone on since.
    async fn record_clone(
        &self,
        ceremony: UnusedCeremony,
        user: User,
        name: String,
        client: Client,
    ) -> Result<PasskeyRefusal, Error> {
        let notices = self.notices();
        let record = move |conn: &mut DbConnection| {
            let user = User::lock(conn, user.id)?;
            if !ceremony.use_up(conn)? {
                return Ok(PasskeyRefusal::Wrong);
            }
            let last = last_of(conn, user.id, &[EventKind::PasskeyCloned])?;
            if last.is_none_or(|last| last < now().saturating_sub(BETWEEN_MAILS)) {
                notices.passkey_cloned(conn, &user, &client)?;
            }
            let event = Event::new(EventKind::PasskeyCloned, Some(user.id)).by(None).from(Some(&client));
            event.detail(name).write(conn)?;
            Ok(PasskeyRefusal::Cloned)
        };
        let refusal = self.db.transaction(record).await?;
        self.outbox.send_soon();
        Ok(refusal)
    }
}
