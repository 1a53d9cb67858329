//! The operator's own pages, for those who are signed in.

mod files;
mod operator_pages;
mod pages_host;
mod ways_around;
