//! Mail: letters, the table that holds them until a server has accepted them, and sending.

mod letter;
mod outbox;
mod rows;
mod sender;
mod transport;

pub use letter::{Button, Letter, is_plain_name};
pub use outbox::{Outbox, OutboxState};
pub use rows::{LastFailure, MailKind, StoredMail};
