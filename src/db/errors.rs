//! What an error of the database means for whoever asked: by SQLSTATE and result code, never by text. All errors of Diesel come
//! through here.

use std::ffi::c_int;

use diesel::result::{DatabaseErrorKind as Kind, Error as Diesel};
use libsqlite3_sys as sqlite;

use super::result_codes::{Information, is_sqlite_code, sqlstate};
use crate::error::Error;

/// SQLSTATEs of a database that can't do now what it can do at another time, or at another server. The connection, resources,
/// the operator and the system are whole classes.
const PASSING_CLASSES: [&str; 4] = ["08", "53", "57", "58"];
/// Read-only transaction, idle in transaction for too long, transaction for too long, serialization failure, deadlock, lock not
/// available; a prepared statement that is not there, or is already: a pooler has put another session behind the connection.
const PASSING_STATES: [&str; 8] = ["25006", "25P03", "25P04", "40001", "40P01", "55P03", "26000", "42P05"];

/// Result codes of a SQLite file that can't be read or written now.
const PASSING_CODES: [c_int; 9] = [
    sqlite::SQLITE_BUSY,
    sqlite::SQLITE_LOCKED,
    sqlite::SQLITE_NOMEM,
    sqlite::SQLITE_READONLY,
    sqlite::SQLITE_INTERRUPT,
    sqlite::SQLITE_IOERR,
    sqlite::SQLITE_FULL,
    sqlite::SQLITE_CANTOPEN,
    sqlite::SQLITE_PROTOCOL,
];

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        match error {
            Diesel::NotFound => Self::NotFound,
            error if passes(&error) => Self::unavailable(error),
            other => Self::Database(other),
        }
    }
}

impl Error {
    /// Whether the error is the violation of a unique index.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(Diesel::DatabaseError(Kind::UniqueViolation, _)))
    }

    /// Whether the database only reads: it is a standby, or became one while the connection stayed open.
    pub(super) fn is_read_only(&self) -> bool {
        let Self::Unavailable(cause) = self else { return false };
        matches!(cause.downcast_ref(), Some(Diesel::DatabaseError(Kind::ReadOnlyTransaction, _)))
    }
}

/// The error of running the migrations: that they can't begin is Diesel's own error.
pub(super) fn of_migrations(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match error.downcast::<Diesel>() {
        Ok(error) => Error::from(*error),
        Err(other) => Error::internal(other),
    }
}

/// Whether the file is no database of SQLite.
pub(super) fn is_not_a_database(error: &Diesel) -> bool {
    matches!(error, Diesel::DatabaseError(_, info) if is_sqlite_code(info.as_ref(), sqlite::SQLITE_NOTADB))
}

/// Whether the same request may succeed later.
fn passes(error: &Diesel) -> bool {
    match error {
        Diesel::BrokenTransactionManager => true,
        Diesel::RollbackErrorOnCommit { commit_error, .. } => passes(commit_error),
        Diesel::DatabaseError(kind, info) => match kind {
            Kind::ClosedConnection | Kind::UnableToSendCommand => true,
            Kind::SerializationFailure | Kind::ReadOnlyTransaction => true,
            Kind::Unknown => has_passing_code(info.as_ref()),
            _ => false,
        },
        _ => false,
    }
}

fn has_passing_code(info: &Information) -> bool {
    match sqlstate(info) {
        Some(state) => {
            PASSING_STATES.contains(&state) || PASSING_CLASSES.iter().any(|class| state.starts_with(class))
        }
        None => PASSING_CODES.iter().any(|code| is_sqlite_code(info, *code)),
    }
}
