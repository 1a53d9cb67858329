//! The operator's own pages, behind the login.

pub mod pages;
