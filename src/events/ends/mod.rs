//! The ends of sessions as a log that is read on from where a reader was: no end is missed, whatever commits when.

mod position;
mod reader;
mod window;

pub use position::Position;
pub use reader::{EndReader, SessionEnd, Told};
