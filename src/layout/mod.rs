//! What every page has around its own content: the page frame, notices, error pages, and parts that several rooms show.

pub mod error_pages;
pub mod home;
pub mod log_entry;
pub mod notices;
mod page_layout;
mod session_facts;

pub use notices::{Flash, Notice, see_other};
pub use page_layout::{Layout, Viewer};
pub use session_facts::SessionFacts;
