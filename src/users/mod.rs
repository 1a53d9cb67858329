//! Users: the row, roles, passwords, one-time tokens and authentication.

mod authenticate;
pub mod fields;
mod last_administrator;
pub mod list;
pub mod password;
pub mod password_policy;
mod query;
mod role;
pub mod tokens;
mod user;

pub use authenticate::authenticate;
pub use query::UserQuery;
pub use role::Role;
pub use user::{NewUser, User, email_key};
