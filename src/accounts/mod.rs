//! Accounts: registering, signing in and out, the profile, the first administrator; links to choose a password, and
//! what administrators change about other people's accounts.

pub mod administer;
pub mod deletion;
pub mod pages;
pub mod password_links;
pub mod setup;
