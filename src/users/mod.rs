//! Users: the account's row, roles, passwords, one-time tokens.

pub mod list;
pub mod password;
pub mod tokens;
mod user;

pub use user::{NewUser, Role, User, authenticate, email_key};
