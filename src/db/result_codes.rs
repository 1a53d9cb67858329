//! The codes behind an error of Diesel, which has them and passes on only some: Postgres' SQLSTATE and SQLite's result code. Both
//! are the same whatever language the server speaks.
//!
//! This is the only unsafe code of the program. `tests/web/db/errors.rs` holds it to real servers, and `Cargo.toml` names the one
//! version of Diesel that it was written for.

use std::ffi::{CStr, c_char, c_int};

use diesel::result::DatabaseErrorInformation;
use libsqlite3_sys as sqlite;

/// What Diesel passes on of an error.
pub(super) type Information = dyn DatabaseErrorInformation + Send + Sync;

/// The field of libpq's results that has the SQLSTATE, `PG_DIAG_SQLSTATE`.
const SQLSTATE_FIELD: c_int = b'C' as c_int;

/// The five characters of Postgres' code; `None` for an error that did not come from the server.
#[expect(unsafe_code, reason = "Diesel keeps libpq's result in a private type and shows no code")]
pub(super) fn sqlstate(info: &Information) -> Option<&str> {
    // Diesel's types behind this trait are `String`, and for an answer of the server one that holds the pointer alone.
    if size_of_val(info) != size_of::<*const pq_sys::PGresult>() {
        return None;
    }
    // SAFETY: of the two types only the pointer has this size. It is not null, and its result lives as long as `info`, whose
    // lifetime the text has.
    unsafe {
        let result = *std::ptr::from_ref(info).cast::<*const pq_sys::PGresult>();
        text(pq_sys::PQresultErrorField(result, SQLSTATE_FIELD))
    }
}

/// Whether the error has this primary result code of SQLite.
pub(super) fn is_sqlite_code(info: &Information, code: c_int) -> bool {
    sqlite_text(code) == Some(info.message())
}

/// The text that SQLite has for a result code. Diesel passes on nothing but this text, which the same library leads back here.
#[expect(unsafe_code, reason = "a function of SQLite, which needs no connection")]
fn sqlite_text(code: c_int) -> Option<&'static str> {
    // SAFETY: SQLite returns a constant for every number.
    unsafe { text(sqlite::sqlite3_errstr(code)) }
}

/// A text in C; `None` for null, or when it isn't UTF-8.
///
/// # Safety
/// The pointer must be null, or lead to a text with a NUL at its end that lives as long as `'a`.
#[expect(unsafe_code, reason = "reads what the libraries return")]
unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a str> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(pointer) }.to_str().ok()
}
