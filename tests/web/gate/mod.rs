//! The operator's own pages, for those who are signed in.

mod operator_pages;
mod pages_host;
