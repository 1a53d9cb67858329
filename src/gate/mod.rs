//! The operator's own pages, behind the login, and how browsers become known at sites with cookies of their own.

mod code;
pub mod first_page;
mod folder;
pub mod pages;
pub mod pages_host;
pub mod site_sign_in;
