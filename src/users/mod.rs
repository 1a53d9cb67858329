//! Users: the row, roles, passwords, one-time tokens and authentication.

mod address;
pub mod address_links;
pub mod address_tokens;
mod authenticate;
pub mod canary;
pub mod ceremonies;
pub mod ceremony_state;
mod credentials;
pub mod factors;
pub mod fields;
pub mod keys;
mod last_administrator;
pub mod list;
mod name;
mod passkey_bytes;
pub mod passkeys;
pub mod password;
pub mod recovery_codes;
mod role;
mod search;
pub mod second_step;
mod set_up;
pub mod tokens;
pub mod totp;
pub mod trusted_browsers;
mod user;

pub use address::{Address, email_key};
pub use authenticate::authenticate;
pub use name::ShownName;
pub use role::Role;
pub use search::{UserQuery, part, search_text};
pub use set_up::SetUp;
pub use user::{NewUser, User};
