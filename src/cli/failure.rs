//! Why a command has failed: the text for standard error, and the exit status.

/// The status of most failures.
const FAILED: i32 = 1;

/// The status of a check that could not be made, as for arguments that are not known: it says neither yes nor no.
const COULD_NOT_RUN: i32 = 2;

/// Why a command has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit status.
    pub status: i32,
    /// The text for standard error.
    pub text: String,
}

impl Failure {
    /// A check that could not be made.
    pub fn could_not_run(text: impl Into<String>) -> Self {
        Self { status: COULD_NOT_RUN, text: text.into() }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self { status: FAILED, text }
    }
}
