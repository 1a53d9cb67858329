//! Why a passkey is not accepted.

/// Why a passkey is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyRefusal {
    /// What it says is not right, of another ceremony, too late, or was said before.
    Wrong,
    /// This site does not have it: it was removed, or never was of this account.
    Unknown,
    /// There are two of it.
    Cloned,
}

impl PasskeyRefusal {
    /// What people read.
    pub fn text(self) -> &'static str {
        match self {
            Self::Wrong => {
                "That did not work: what your passkey says came too late, was used before, or is not valid. Try again."
            }
            Self::Unknown => {
                "This site does not know that passkey: it was removed from your account. Use another one, or another way."
            }
            Self::Cloned => {
                "This passkey is refused: it seems to have been copied, and the copy was used. Use another way, and remove it."
            }
        }
    }

    /// What a program knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wrong => "passkey-wrong",
            Self::Unknown => "passkey-unknown",
            Self::Cloned => "passkey-cloned",
        }
    }
}
