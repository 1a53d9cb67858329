//! Why a passkey is not accepted.

/// Why a passkey is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyRefusal {
    /// What it says is not right, of another ceremony, too late, or was said before.
    Wrong,
    /// This site does not have it: it was removed, or never was of this account.
    Unknown,
    /// It does not say whose it is, where no address was typed.
    Incomplete,
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
            Self::Incomplete => {
                "Your passkey does not say whose it is, so it can't sign you in by itself. Sign in with your password; then it can be your second step."
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
            Self::Incomplete => "passkey-incomplete",
            Self::Cloned => "passkey-cloned",
        }
    }
}
