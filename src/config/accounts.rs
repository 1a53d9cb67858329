//! Who may have an account, with which password, whether guessing is limited, and what people are told.

use std::{path::Path, time::Duration};

use super::reader::Reader;
use crate::breached::BreachedPasswords;

/// Who may have an account, with which password, whether guessing is limited, and what people are told.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// `THROTTLE`: `on`, or `off` to leave limits of guessing and bursts to a proxy in front. Default: `on`.
    pub throttle: bool,
    /// `NOTICES`: `on`, or `off`: no mail about sign-ins from new browsers and changes of accounts. Default: `on`.
    pub notices: bool,
    /// `REGISTRATION`: `open`, or `closed` for accounts by invitation only. Default: `open`.
    pub registration_open: bool,
    /// `EMAIL_CONFIRMATION`: whether nobody gets a session before the address is confirmed (`required`). Default: `optional`.
    pub confirmation_required: bool,
    /// `PASSWORD_MIN_LENGTH`: code points, 8 to 64. Default: 8.
    pub password_min_length: usize,
    /// `BREACHED_PASSWORDS`: a file in which new passwords are looked up.
    pub breached_passwords: Option<BreachedPasswords>,
    /// `CONFIRM_PASSWORD_TTL`: how long a password that was given allows sensitive actions. Default: `10m`.
    pub confirm_ttl: Duration,
}

impl Accounts {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            throttle: reader.on_or_off("THROTTLE", true),
            notices: reader.on_or_off("NOTICES", true),
            registration_open: reader.parse("REGISTRATION", "open or closed", true, |value| match value {
                "open" => Some(true),
                "closed" => Some(false),
                _ => None,
            }),
            confirmation_required: reader.parse(
                "EMAIL_CONFIRMATION",
                "optional or required",
                false,
                |value| match value {
                    "optional" => Some(false),
                    "required" => Some(true),
                    _ => None,
                },
            ),
            password_min_length: reader.parse(
                "PASSWORD_MIN_LENGTH",
                "a number of characters from 8 to 64",
                8,
                |value| value.parse().ok().filter(|length| (8..=64).contains(length)),
            ),
            breached_passwords: breached_passwords(reader),
            confirm_ttl: reader.duration(
                "CONFIRM_PASSWORD_TTL",
                Duration::from_secs(10 * 60),
                Duration::from_secs(1),
            ),
        }
    }
}

fn breached_passwords(reader: &mut Reader) -> Option<BreachedPasswords> {
    let path = reader.get("BREACHED_PASSWORDS")?;
    let opened = BreachedPasswords::open(Path::new(&path));
    let may_hold = "a file of SHA-1 hashes in hexadecimal digits, one a line, sorted, as \u{201c}Pwned Passwords\u{201d} has it";
    let mistake =
        |reason| reader.mistake(format!("BREACHED_PASSWORDS: {path}: {reason}; it may hold {may_hold}"));
    opened.map_err(mistake).ok()
}
