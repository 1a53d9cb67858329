//! The operator's own pages, behind the login.

mod folder;
pub mod pages;
pub mod pages_host;
mod pages_sign_in;
