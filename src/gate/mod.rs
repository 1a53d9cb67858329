//! The operator's own pages, behind the login.

mod folder;
pub mod pages;
