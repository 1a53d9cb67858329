//! Accounts: registering, signing in and out, the profile, the first administrator; links to choose a password, and
//! what administrators change about other people's accounts.

pub mod activity;
pub mod confirm;
pub mod deletion;
mod farewell;
pub(crate) mod forms;
pub mod links;
pub mod login;
pub mod password;
pub mod people;
pub mod profile;
pub mod recovery;
pub mod register;
pub mod setup;
pub mod standing;
pub mod tokens;
mod user;

pub use user::{NewUser, Role, User, authenticate, email_key};
