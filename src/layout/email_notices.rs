//! Notices about the user's address.

use serde::{Deserialize, Serialize};

use super::notice::{Notice, done, ended, warning};
use crate::sessions::EndOutcome;

/// What was done about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EmailFlash {
    /// A mail is on its way to an address that is to take the place of the user's.
    ChangeAsked,
    /// The change of the address was withdrawn.
    ChangeWithdrawn,
    /// A link that proves an address was mailed.
    ConfirmationSent,
    /// The password is right, but the address has to be confirmed first.
    ConfirmFirst,
    /// The address was confirmed.
    Confirmed,
    /// The address was replaced.
    Changed,
    /// An earlier address was given back; with it all sessions ended.
    GivenBack(EndOutcome),
}

impl EmailFlash {
    /// The notice in words.
    pub(super) fn notice(self) -> Notice {
        match self {
            Self::ChangeAsked => done(
                "A mail is on its way to the new address. Open the link in it within 24 hours; until then your address stays as \
                 it is.",
            ),
            Self::ChangeWithdrawn => done("Your address stays as it is. The link that was mailed does not work any more."),
            Self::ConfirmationSent => done("A mail with a link is on its way. The link works for 24 hours."),
            Self::ConfirmFirst => warning("Confirm your address first. Nobody is signed in before that."),
            Self::Confirmed => done("Your address is confirmed."),
            Self::Changed => {
                done("Your address was changed: sign in with the new one from now on. The earlier one was told by mail.")
            }
            Self::GivenBack(ends) => ended(
                ends,
                "The account has its earlier address again, and everybody was signed out. Choose a new password now: the old \
                 one is void."
                    .to_owned(),
            ),
        }
    }
}
