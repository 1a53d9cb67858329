//! Codes of authenticator apps and recovery codes, as people type them.

use super::notices::Notices;
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::catalogue::method::Method,
    users::{
        User, recovery_codes,
        totp::{self, SecondFactorKeys},
    },
};

/// A code as it was typed.
pub(super) enum Code {
    /// Six digits, as an authenticator app shows them.
    Totp(String),
    Recovery(String),
}

impl Code {
    /// Spaces don't count, nor in which script digits are written.
    pub(super) fn read(typed: &str) -> Option<Self> {
        if recovery_codes::is_code(typed) {
            return Some(Self::Recovery(typed.to_owned()));
        }
        let digits: Option<String> =
            typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').map(digit).collect();
        digits.filter(|digits| digits.len() == 6).map(Self::Totp)
    }

    /// How a sign-in with it counts.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Totp(_) => Method::PasswordTotp,
            Self::Recovery(_) => Method::PasswordRecovery,
        }
    }
}

/// A decimal digit of a script that keyboards have, as ASCII.
fn digit(letter: char) -> Option<char> {
    const ZEROS: [char; 5] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{ff10}'];
    let value = |zero: char| u32::from(letter).checked_sub(u32::from(zero)).filter(|value| *value < 10);
    ZEROS.into_iter().find_map(value).and_then(|value| char::from_digit(value, 10))
}

/// Uses up a code of the user, whose row is locked. A recovery code is recorded, and told of. `false`: it is wrong or was used before.
pub(super) fn use_code(
    conn: &mut DbConnection,
    keys: &SecondFactorKeys,
    notices: &Notices,
    user: &User,
    typed: &str,
    client: &Client,
) -> Result<bool, Error> {
    match Code::read(typed) {
        Some(code) => use_read_code(conn, keys, notices, user, &code, client),
        None => Ok(false),
    }
}

/// The same with a code that was read.
pub(super) fn use_read_code(
    conn: &mut DbConnection,
    keys: &SecondFactorKeys,
    notices: &Notices,
    user: &User,
    code: &Code,
    client: &Client,
) -> Result<bool, Error> {
    match code {
        Code::Totp(code) => totp::use_code(conn, keys, user.id, code),
        Code::Recovery(code) => {
            if !recovery_codes::use_code(conn, user.id, code)? {
                return Ok(false);
            }
            let left = recovery_codes::left(conn, user.id)?;
            let event = Event::new(EventKind::RecoveryCodeUsed, Some(user.id)).from(Some(client));
            event.detail(format!("{left} left")).write(conn)?;
            notices.recovery_code_used(conn, user, left, client)?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn code_is_read_however_digits_are_typed() {
        for typed in ["123456", " 123 456\t", "123-456", "١٢٣٤٥٦", "۱۲۳۴۵۶", "१२३४५६", "１２３４５６"]
        {
            assert!(matches!(Code::read(typed), Some(Code::Totp(code)) if code == "123456"), "{typed:?}");
        }
        for typed in ["", "12345", "1234567", "12345a", "½23456", "٠", "123.456"] {
            assert!(Code::read(typed).is_none(), "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn code_reader_takes_anything(typed in any::<String>()) {
            if let Some(Code::Totp(code)) = Code::read(&typed) {
                prop_assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
            }
        }
    }
}
