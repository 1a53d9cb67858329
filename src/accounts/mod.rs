//! Accounts: registering, signing in and out, the profile, the first administrator.

mod farewell;
pub(crate) mod forms;
pub mod login;
pub mod password;
pub mod profile;
pub mod register;
pub mod setup;
mod user;

pub use user::{NewUser, Role, User, authenticate, email_key};
