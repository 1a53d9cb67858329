//! Of whom a second factor is required.

use super::reader::Reader;

/// `SECOND_FACTOR`: who has to have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactor {
    /// Nobody has to.
    Optional,
    /// Administrators.
    Administrators,
    /// Everyone.
    Everyone,
}

impl SecondFactor {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let parse = |value: &str| match value {
            "optional" => Some(Self::Optional),
            "administrators" => Some(Self::Administrators),
            "everyone" => Some(Self::Everyone),
            _ => None,
        };
        reader.parse("SECOND_FACTOR", "optional, administrators or everyone", Self::Optional, parse)
    }

    /// Whether it is required of an administrator, or of somebody who is none.
    pub fn is_required(self, is_admin: bool) -> bool {
        match self {
            Self::Optional => false,
            Self::Administrators => is_admin,
            Self::Everyone => true,
        }
    }
}
