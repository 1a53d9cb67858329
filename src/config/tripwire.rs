//! What is done when somebody presents a key that is not theirs.

use super::reader::Reader;

/// `TRIPWIRE`: what is done when a session's key that leads nowhere is presented by somebody else than its browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tripwire {
    /// Nothing: nobody looks.
    Off,
    /// It is recorded, and people are told.
    Notify,
    /// All sessions of the person end, too.
    End,
}

impl Tripwire {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let parse = |value: &str| match value {
            "notify" => Some(Self::Notify),
            "end" => Some(Self::End),
            "off" => Some(Self::Off),
            _ => None,
        };
        reader.parse("TRIPWIRE", "notify, end or off", Self::Notify, parse)
    }
}
