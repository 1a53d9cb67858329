//! Notices about second factors.

use serde::{Deserialize, Serialize};

use super::notice::{Notice, done, ended, sessions_ended, warning};
use crate::sessions::EndOutcome;

/// What was done about a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecondFactorFlash {
    /// The second step of a sign-in took too long.
    StepOver,
    /// The authenticator app was removed.
    AuthenticatorRemoved,
    /// The authenticator app was removed where the site requires a second factor.
    RequiredRemoved,
    /// No browser is trusted any more.
    TrustedForgotten,
    /// The second factor of a person was removed; with that their sessions ended.
    Reset(EndOutcome),
}

impl SecondFactorFlash {
    /// The notice in words.
    pub(super) fn notice(self) -> Notice {
        match self {
            Self::StepOver => warning(
                "That took too long, or something was changed meanwhile. Give your password once more.",
            ),
            Self::AuthenticatorRemoved => {
                done("The authenticator app was removed. From now on your password is enough to sign in.")
            }
            Self::RequiredRemoved => warning("The authenticator app was removed. Now set up another one."),
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
