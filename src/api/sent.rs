//! What a field of a call was sent as, whether in JSON or in a form.

/// The value of a field as it was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Text(String),
    Choice(bool),
    /// A text that is not valid Unicode.
    Unreadable,
    /// A number, `null`, an array or an object.
    OtherType,
}
