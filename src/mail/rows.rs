//! The table `mails`: a row for each mail that no server has accepted yet.

use diesel::prelude::*;
use time::{Duration, PrimitiveDateTime};

use crate::{
    clock::now,
    db::{DbConnection, schema::mails, text_enum},
    error::Error,
};

/// How long a mail is tried.
const LIFETIME: Duration = Duration::days(3);

/// How long a mail that was given up is shown to administrators.
const SHOWN: Duration = Duration::days(30);

/// The first pause after a failure; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::seconds(10);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::hours(2);

/// How long a mail belongs to whoever sends it. Longer than sending may take; after it somebody else sends the mail, because the
/// first one was killed.
const LEASE: Duration = Duration::minutes(6);

text_enum! {
    /// What a mail is about.
    pub enum MailKind {
        /// The link with which an invited user chooses a password.
        Invitation => "invitation",
        /// The link for a new password that an administrator has made.
        NewPassword => "new_password",
        /// The link for a new password that the user has asked for.
        ForgottenPassword => "forgotten_password",
        /// A password was set without the old one.
        PasswordSet => "password_set",
        /// Somebody has signed in with a browser that had not done so before.
        NewBrowser => "new_browser",
        /// The password was changed by somebody who knew the old one.
        PasswordChanged => "password_changed",
        /// Somebody else was made an administrator.
        AdministratorMade => "administrator_made",
        /// The account was deleted.
        AccountDeleted => "account_deleted",
        /// The link that proves an address.
        ConfirmAddress => "confirm_address",
        /// The address of an account was replaced: to the earlier one, with the link that gives it back.
        AddressChanged => "address_changed",
        /// The earlier address of an account was given back: to the one that it had meanwhile.
        AddressGivenBack => "address_given_back",
        /// Somebody wanted to have an account with the address of another one.
        AddressTried => "address_tried",
        /// An authenticator app was set up or removed, or a passkey.
        SecondFactorChanged => "second_factor_changed",
        /// A passkey was refused that seems to have been copied.
        PasskeyCloned => "passkey_cloned",
        /// A recovery code was used.
        RecoveryCodeUsed => "recovery_code_used",
        /// Somebody else has presented a key of a session of the user.
        StolenKeyUsed => "stolen_key_used",
        /// The same, of somebody else, to an administrator.
        StolenKeyReported => "stolen_key_reported",
        /// A kind that a newer version sends.
        Unknown => "unknown",
    } else Unknown
}

/// A mail that is being sent.
#[derive(Queryable)]
pub(super) struct DueMail {
    pub id: i64,
    pub kind: MailKind,
    pub user: Option<i64>,
    pub recipient: String,
    pub message: String,
    pub created_at: PrimitiveDateTime,
    pub due_at: PrimitiveDateTime,
    /// How often it has been tried before.
    pub tries: i64,
}

/// Writes a mail that is due at once, in the transaction of what it tells.
pub(super) fn insert(
    conn: &mut DbConnection,
    kind: MailKind,
    user: Option<i64>,
    recipient: &str,
    message: &str,
) -> Result<(), Error> {
    let at = now();
    diesel::insert_into(mails::table)
        .values((
            mails::kind.eq(kind),
            mails::user_id.eq(user),
            mails::recipient.eq(recipient),
            mails::message.eq(message),
            mails::created_at.eq(at),
            mails::due_at.eq(at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Leases the mail that has been due for longest, if one is: nobody else gets it before the lease ends. `Err`: when the next one is due.
pub(super) fn lease(conn: &mut DbConnection) -> Result<Result<DueMail, Option<PrimitiveDateTime>>, Error> {
    loop {
        let waiting = mails::table.filter(mails::given_up_at.is_null()).order((mails::due_at, mails::id));
        let columns = (
            mails::id,
            mails::kind,
            mails::user_id,
            mails::recipient,
            mails::message.assume_not_null(),
            mails::created_at,
            mails::due_at,
            mails::tries,
        );
        let Some(mail) = waiting.select(columns).first::<DueMail>(conn).optional()? else {
            return Ok(Err(None));
        };
        let at = now();
        if mail.due_at > at {
            return Ok(Err(Some(mail.due_at)));
        }
        // Of two instances that have read the same row, one finds that it was tried meanwhile.
        let unmoved = mails::table.find(mail.id).filter(mails::tries.eq(mail.tries));
        let lease = (mails::due_at.eq(at.saturating_add(LEASE)), mails::tries.eq(mails::tries + 1));
        if diesel::update(unmoved).set(lease).execute(conn)? == 1 {
            return Ok(Ok(mail));
        }
    }
}

/// Deletes a mail that was accepted, and with it what it said.
pub(super) fn delete(conn: &mut DbConnection, id: i64) -> Result<(), Error> {
    diesel::delete(mails::table.find(id)).execute(conn)?;
    Ok(())
}

/// A mail of a user without what it says.
#[derive(Debug, Clone, Queryable)]
pub struct StoredMail {
    /// What it is about.
    pub kind: MailKind,
    /// The address.
    pub recipient: String,
    /// When it was written, in UTC.
    pub created_at: PrimitiveDateTime,
    /// How often it has been tried.
    pub tries: i64,
    /// When it was given up, in UTC.
    pub given_up_at: Option<PrimitiveDateTime>,
}

/// The mails of a user, the oldest first.
pub(super) fn of_user(conn: &mut DbConnection, user: i64) -> Result<Vec<StoredMail>, Error> {
    let columns = (mails::kind, mails::recipient, mails::created_at, mails::tries, mails::given_up_at);
    Ok(mails::table.filter(mails::user_id.eq(user)).order(mails::id).select(columns).load(conn)?)
}

/// Deletes the mails of a user.
pub(super) fn delete_of(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    diesel::delete(mails::table.filter(mails::user_id.eq(user))).execute(conn)?;
    Ok(())
}

/// Writes down why a mail was not accepted and when it is tried again; `None`: never. Then its text is deleted.
pub(super) fn postpone(
    conn: &mut DbConnection,
    id: i64,
    error: &str,
    next: Option<PrimitiveDateTime>,
) -> Result<(), Error> {
    let at = now();
    let mail = diesel::update(mails::table.find(id));
    let reason = (mails::error.eq(error), mails::tried_at.eq(at));
    match next {
        Some(next) => mail.set((reason, mails::due_at.eq(next))).execute(conn)?,
        None => {
            let old = mails::table.filter(mails::given_up_at.le(at.saturating_sub(SHOWN)));
            diesel::delete(old).execute(conn)?;
            let given_up = (mails::given_up_at.eq(at), mails::message.eq(None::<String>));
            mail.set((reason, given_up)).execute(conn)?
        }
    };
    Ok(())
}

/// When a mail that was not accepted is tried again; `None`: its time is over.
pub(super) fn next_try(mail: &DueMail, at: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
    let doublings = u32::try_from(mail.tries).unwrap_or(u32::MAX).min(16);
    let next = at.saturating_add((FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE));
    (next <= mail.created_at.saturating_add(LIFETIME)).then_some(next)
}

/// The last time that a mail was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct LastFailure {
    /// When.
    pub at: PrimitiveDateTime,
    /// Why, as the server or the connection says.
    pub reason: String,
}

/// How many mails wait, how many were given up within 30 days, and the last failure among them.
pub(super) fn count(conn: &mut DbConnection) -> Result<(i64, i64, Option<LastFailure>), Error> {
    let since = now().saturating_sub(SHOWN);
    let waiting = mails::table.filter(mails::given_up_at.is_null()).count().get_result(conn)?;
    let given_up = mails::table.filter(mails::given_up_at.gt(since)).count().get_result(conn)?;
    let last = mails::table
        .filter(mails::tried_at.gt(since))
        .order(mails::tried_at.desc())
        .select((mails::tried_at.assume_not_null(), mails::error.assume_not_null()))
        .first(conn)
        .optional()?;
    Ok((waiting, given_up, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn pauses_grow_until_three_days_have_passed() {
        let begin = datetime!(2026-11-26 12:00:00);
        let (mut at, mut pauses) = (begin, Vec::new());
        for tries in 0..1_000 {
            let mail = DueMail {
                id: 1,
                kind: MailKind::Invitation,
                user: Some(1),
                recipient: String::new(),
                message: String::new(),
                created_at: begin,
                due_at: at,
                tries,
            };
            let Some(next) = next_try(&mail, at) else { break };
            pauses.push((next - at).whole_seconds());
            at = next;
        }
        assert_eq!(pauses[..4], [10, 20, 40, 80]);
        assert!(pauses.is_sorted() && pauses.last() == Some(&7_200), "{pauses:?}");
        assert!(at - begin > Duration::hours(70) && at - begin <= LIFETIME, "{}", at - begin);
    }
}
