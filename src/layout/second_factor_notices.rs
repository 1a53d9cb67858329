//! Notices about second factors.

use serde::{Deserialize, Serialize};

use super::notice::{Notice, done, ended, sessions_ended, warning};
use crate::sessions::EndOutcome;

/// What a removal leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Left {
    /// Another second factor.
    Another,
    /// The password, which is enough.
    Nothing,
    /// The password alone, where the site requires a second factor.
    NothingRequired,
}

/// What was done about a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecondFactorFlash {
    /// The second step of a sign-in took too long.
    StepOver,
    /// An authenticator app was set up, beside another second factor.
    AuthenticatorAdded,
    /// The authenticator app was removed.
    AuthenticatorRemoved(Left),
    /// A passkey was added, beside another second factor.
    PasskeyAdded,
    /// A passkey was renamed.
    PasskeyRenamed,
    /// A passkey was removed.
    PasskeyRemoved(Left),
    /// No browser is trusted any more.
    TrustedForgotten,
    /// The second factor of a person was removed; with that their sessions ended.
    Reset(EndOutcome),
}

/// What the page says of a second factor that was set up. `ended`: the other sessions, which end with the first one.
pub fn factor_set_up(done_text: &str, ended_with_it: Option<EndOutcome>) -> Notice {
    match ended_with_it {
        Some(ends) if ends.count > 0 => ended(
            ends,
            format!("{done_text} You were signed out everywhere else: {}", sessions_ended(ends.count)),
        ),
        _ => done(done_text),
    }
}

impl SecondFactorFlash {
    /// The notice in words.
    pub(super) fn notice(self) -> Notice {
        match self {
            Self::StepOver => warning(
                "That took too long, or something was changed meanwhile. Give your password once more.",
            ),
            Self::AuthenticatorAdded => {
                done("The authenticator app is set up. Your recovery codes stay good for it too.")
            }
            Self::AuthenticatorRemoved(Left::Nothing) => {
                done("The authenticator app was removed. From now on your password is enough to sign in.")
            }
            Self::AuthenticatorRemoved(Left::NothingRequired) => {
                warning("The authenticator app was removed. Now set up another one.")
            }
            Self::AuthenticatorRemoved(Left::Another) => done("The authenticator app was removed."),
            Self::PasskeyAdded => done("The passkey was added. Your recovery codes stay good."),
            Self::PasskeyRenamed => done("The passkey has another name."),
            Self::PasskeyRemoved(Left::Nothing) => {
                done("The passkey was removed. From now on your password is enough to sign in.")
            }
            Self::PasskeyRemoved(Left::NothingRequired) => {
                warning("The passkey was removed. Now add another one, or set up an authenticator app.")
            }
            Self::PasskeyRemoved(Left::Another) => done("The passkey was removed."),
            Self::TrustedForgotten => done("Every browser is asked for a code at its next sign-in."),
            Self::Reset(ends) => ended(
                ends,
                format!(
                    "The second factor was removed, and the person was told. {}",
                    sessions_ended(ends.count)
                ),
            ),
        }
    }
}
