//! The frame of every page, notices, error pages, and formatting that several rooms share.

mod alike_sessions;
mod email_notices;
pub mod error_pages;
pub mod error_texts;
pub mod home;
pub mod icons;
pub mod log_entry;
mod notice;
pub mod notices;
mod page_layout;
mod second_factor_notices;
mod session_facts;
pub mod well_known;

pub use alike_sessions::AlikeSessions;
pub use email_notices::EmailFlash;
pub use notice::Notice;
pub use notices::{Flash, put_flash, see_other};
pub use page_layout::{Layout, Viewer};
pub use second_factor_notices::{Left, SecondFactorFlash, factor_set_up};
pub use session_facts::SessionFacts;
