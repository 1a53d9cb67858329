//! The security log: what happened to which account and session, by whom and from where.

pub mod log;

use diesel::prelude::*;
use time::PrimitiveDateTime;

use crate::{
    db::{DbConnection, now, schema::events},
    error::Error,
    security::{Client, ip_key},
    sessions::EndReason,
};

/// What happened. A new one belongs in [`Kind::ALL`] too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An account was made.
    Registered,
    /// A session began.
    SignedIn,
    /// Wrong address or password.
    SignInFailed,
    /// A session ended; the detail says why.
    SessionEnded,
    /// The name was changed.
    NameChanged,
    /// The password was changed; all other sessions ended.
    PasswordChanged,
    /// The account was deleted.
    AccountDeleted,
    /// An administrator was made at set-up or from the command line.
    AdministratorMade,
    /// The role was changed; the detail names the new one.
    RoleChanged,
    /// The account was deactivated; all its sessions ended.
    Deactivated,
    /// The account may sign in again.
    Activated,
    /// An account was made for somebody who is to choose a password.
    Invited,
    /// A one-time link to choose a password was made.
    ResetLinkMade,
    /// A password was set other than by its owner's old one; all sessions ended.
    PasswordReset,
    /// The password was given again before a sensitive action.
    Confirmed,
    /// A wrong password before a sensitive action.
    ConfirmationFailed,
}

impl Kind {
    /// Every kind, in the order in which pages offer them.
    pub const ALL: &'static [Self] = &[
        Self::SignedIn,
        Self::SignInFailed,
        Self::SessionEnded,
        Self::Registered,
        Self::NameChanged,
        Self::PasswordChanged,
        Self::AccountDeleted,
        Self::AdministratorMade,
        Self::RoleChanged,
        Self::Deactivated,
        Self::Activated,
        Self::Invited,
        Self::ResetLinkMade,
        Self::PasswordReset,
        Self::Confirmed,
        Self::ConfirmationFailed,
    ];

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SessionEnded => "session_ended",
            Self::NameChanged => "name_changed",
            Self::PasswordChanged => "password_changed",
            Self::AccountDeleted => "account_deleted",
            Self::AdministratorMade => "administrator_made",
            Self::RoleChanged => "role_changed",
            Self::Deactivated => "deactivated",
            Self::Activated => "activated",
            Self::Invited => "invited",
            Self::ResetLinkMade => "reset_link_made",
            Self::PasswordReset => "password_reset",
            Self::Confirmed => "confirmed",
            Self::ConfirmationFailed => "confirmation_failed",
        }
    }

    /// The stored name as a sentence.
    pub fn sentence(name: &str) -> &str {
        match name {
            "registered" => "Account created",
            "signed_in" => "Signed in",
            "sign_in_failed" => "Sign-in failed",
            "session_ended" => "Session ended",
            "name_changed" => "Name changed",
            "password_changed" => "Password changed",
            "account_deleted" => "Account deleted",
            "administrator_made" => "Became an administrator",
            "role_changed" => "Role changed",
            "deactivated" => "Account deactivated",
            "activated" => "Account activated",
            "invited" => "Invited",
            "reset_link_made" => "Link to choose a password made",
            "password_reset" => "New password set",
            "confirmed" => "Password given again",
            "confirmation_failed" => "Wrong password given again",
            other => other,
        }
    }
}

/// An entry about to be written.
#[derive(Debug, Clone)]
pub struct Event {
    kind: Kind,
    user: Option<i64>,
    actor: Option<i64>,
    session: Option<String>,
    client: Option<Client>,
    detail: Option<String>,
}

impl Event {
    /// Something that happened to the user; the user is the actor unless [`Event::by`] says otherwise.
    pub fn new(kind: Kind, user: Option<i64>) -> Self {
        Self { kind, user, actor: user, session: None, client: None, detail: None }
    }

    /// Who did it; `None` for the system itself.
    pub fn by(mut self, actor: Option<i64>) -> Self {
        self.actor = actor;
        self
    }

    /// The session it happened to, one of the user's: it is found among what happened to them.
    pub fn session(mut self, id: &str) -> Self {
        self.session = Some(id.to_owned());
        self
    }

    /// Where it was done from.
    pub fn from(mut self, client: Option<&Client>) -> Self {
        self.client = client.cloned();
        self
    }

    /// A short text that says more; never a secret.
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// Writes it to the table and to the log, inside the transaction of its cause.
    pub fn write(self, conn: &mut DbConnection) -> Result<(), Error> {
        Self::write_all(conn, vec![self])
    }

    /// The same for many, in few statements.
    pub fn write_all(conn: &mut DbConnection, events: Vec<Self>) -> Result<(), Error> {
        let at = now();
        let rows: Vec<Row> = events.into_iter().map(|event| event.into_row(at)).collect();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let insert = diesel::insert_into(events::table).values(rows);
            match conn {
                DbConnection::Postgres(pg) => insert.execute(pg)?,
                DbConnection::Sqlite(sqlite) => insert.execute(sqlite)?,
            };
        }
        rows.iter().for_each(Row::log);
        Ok(())
    }

    fn into_row(self, at: PrimitiveDateTime) -> Row {
        Row {
            at,
            kind: self.kind.name(),
            user_id: self.user,
            actor_id: self.actor,
            session_id: self.session,
            ip: self.client.as_ref().map(|client| client.ip.to_string()),
            ip_key: self.client.as_ref().map(|client| ip_key(client.ip)),
            user_agent: self.client.map(|client| client.user_agent),
            detail: self.detail,
        }
    }
}

/// Rows that one statement inserts; Postgres takes 65,535 values in one.
const ROWS_AT_ONCE: usize = 1_000;

#[derive(Insertable)]
#[diesel(table_name = events)]
struct Row {
    at: PrimitiveDateTime,
    kind: &'static str,
    user_id: Option<i64>,
    actor_id: Option<i64>,
    session_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    detail: Option<String>,
    ip_key: Option<Vec<u8>>,
}

impl Row {
    fn log(&self) {
        tracing::info!(
            target: "gatehouse::security",
            kind = self.kind,
            user = self.user_id,
            actor = self.actor_id,
            session = self.session_id.as_deref(),
            ip = self.ip.as_deref(),
            detail = self.detail.as_ref().map(|text| format!("{text:?}")),
        );
    }
}

/// An entry as it is stored.
#[derive(Debug, Clone, Queryable)]
pub struct Stored {
    pub id: i64,
    pub at: PrimitiveDateTime,
    pub kind: String,
    pub user_id: Option<i64>,
    pub actor_id: Option<i64>,
    pub session_id: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub detail: Option<String>,
    pub ip_key: Option<Vec<u8>>,
}

/// The newest entries about a user's session, at most `limit`.
pub fn of_session(
    conn: &mut DbConnection,
    user: i64,
    session: &str,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    Ok(events::table
        .filter(events::user_id.eq(user))
        .filter(events::session_id.eq(session))
        .order(events::id.desc())
        .limit(limit)
        .load(conn)?)
}

impl Stored {
    /// The detail for reading: why a session ended is kept as a name, then the administrator's own words.
    pub fn readable_detail(&self) -> Option<String> {
        let detail = self.detail.as_deref()?;
        if self.kind != Kind::SessionEnded.name() {
            return Some(detail.to_owned());
        }
        Some(match detail.split_once(": ") {
            Some((reason, note)) => format!("{}: {note}", EndReason::sentence(reason)),
            None => EndReason::sentence(detail).to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_has_a_sentence() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(*kind));
            assert_ne!(Kind::sentence(kind.name()), kind.name());
        }
        assert_eq!(Kind::parse("nonsense"), None);
    }
}
