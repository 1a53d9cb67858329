//! The pages and forms of accounts: each handler reads a form, calls an operation of [`Accounts`](super::Accounts) and shows
//! its result.

pub mod activity;
pub mod authenticator;
pub mod confirm;
pub mod deletion;
pub mod disown;
pub mod email;
pub mod email_links;
mod ended_notice;
pub mod export;
mod factor_answers;
pub mod forgot;
mod forms;
mod invalid_link;
pub mod login;
pub mod lost_cookie;
pub mod onwards;
pub mod passkeys;
pub mod profile;
pub mod recovery;
pub mod recovery_codes;
pub mod register;
pub mod second_step;
pub mod security;
pub mod sensitive_action;
pub mod session_stream;
pub mod sessions;
pub mod setup;
pub mod signed_out;
pub mod site_sign_out;
