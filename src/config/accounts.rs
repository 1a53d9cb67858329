//! Who may have an account, with which password, and whether guessing is limited.

use std::time::Duration;

use super::reader::Reader;

/// Who may have an account, with which password, and whether guessing is limited.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// `THROTTLE`: `on`, or `off` to leave limits of guessing and bursts to a proxy in front. Default: `on`.
    pub throttle: bool,
    /// `REGISTRATION`: `open`, or `closed` for accounts by invitation only. Default: `open`.
    pub registration_open: bool,
    /// `PASSWORD_MIN_LENGTH`: code points, 8 to 64. Default: 8.
    pub password_min_length: usize,
    /// `CONFIRM_PASSWORD_TTL`: how long a password that was given allows sensitive actions. Default: `10m`.
    pub confirm_ttl: Duration,
}

impl Accounts {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            throttle: reader.parse("THROTTLE", "on or off", true, |value| match value {
                "on" => Some(true),
                "off" => Some(false),
                _ => None,
            }),
            registration_open: reader.parse("REGISTRATION", "open or closed", true, |value| match value {
                "open" => Some(true),
                "closed" => Some(false),
                _ => None,
            }),
            password_min_length: reader.parse(
                "PASSWORD_MIN_LENGTH",
                "a number of characters from 8 to 64",
                8,
                |value| value.parse().ok().filter(|length| (8..=64).contains(length)),
            ),
            confirm_ttl: reader.duration(
                "CONFIRM_PASSWORD_TTL",
                Duration::from_secs(10 * 60),
                Duration::from_secs(1),
            ),
        }
    }
}
