//! What every page has around its own content: page frame, notices, error pages.

pub mod error_pages;
pub mod home;
mod page_layout;

pub use page_layout::{Layout, Viewer};
