//! Which second factors a user has, whichever they are.

use super::{passkeys, recovery_codes, totp, trusted_browsers};
use crate::{db::DbConnection, error::Error};

/// What a user can show beside the password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Factors {
    /// Passkeys for the host of this site.
    pub passkeys: bool,
    /// An authenticator app.
    pub authenticator: bool,
    /// Recovery codes.
    pub recovery_codes: bool,
}

impl Factors {
    /// Their names in JSON.
    pub fn names(self) -> Vec<&'static str> {
        let names =
            [(self.passkeys, "passkey"), (self.authenticator, "totp"), (self.recovery_codes, "recovery")];
        names.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
    }
}

/// What a user can show. `rp_id`: the host that passkeys are for, if there can be any.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn of_user(conn: &mut DbConnection, user: i64, rp_id: Option<&str>) -> Result<Factors, Error> {
    let passkeys = match rp_id {
        Some(rp_id) => !passkeys::known(conn, user, rp_id)?.0.is_empty(),
        None => false,
    };
    Ok(Factors {
        passkeys,
        authenticator: totp::since(conn, user)?.is_some(),
        recovery_codes: recovery_codes::left(conn, user)? > 0,
    })
}

/// Whether the user has an authenticator app or a passkey, of any host: the password alone is not enough.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn has_any(conn: &mut DbConnection, user: i64) -> Result<bool, Error> {
    Ok(passkeys::count(conn, user)? > 0 || totp::since(conn, user)?.is_some())
}

/// Removes all, also what stands in for them.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn remove_all(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    passkeys::remove_all(conn, user)?;
    totp::remove(conn, user)?;
    remove_stand_ins(conn, user)
}

/// Removes recovery codes and trusted browsers.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn remove_stand_ins(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    recovery_codes::remove(conn, user)?;
    trusted_browsers::forget_all(conn, user)
}
