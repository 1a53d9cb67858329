//! JSON for front ends, apps and scripts, under `/auth`: thin handlers over the operations that pages use too. Every answer is JSON, an
//! error problem details (RFC 9457); the one page is that of the description.

mod answers;
mod body;
pub mod bound_sessions;
pub mod description;
pub mod docs;
pub mod ends;
mod fields;
mod json;
pub mod me;
pub mod own_sessions;
pub mod passkeys;
mod sent;
pub mod sign_in;
pub mod verify;

pub use body::{Body, CallFields};
