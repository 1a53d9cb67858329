//! Users: the row, roles, passwords, one-time tokens and authentication.

mod authenticate;
pub mod fields;
mod last_administrator;
pub mod list;
pub mod password;
pub mod password_policy;
mod role;
mod search;
pub mod search_keys;
mod set_up;
pub mod tokens;
mod user;

pub use authenticate::authenticate;
pub use role::Role;
pub use search::{UserQuery, part, search_text};
pub use set_up::SetUp;
pub use user::{NewUser, User, email_key};
