//! The catalogue: the table `sessions`, which decides whether a session has ended.

pub mod device;
pub mod list;
pub mod rows;
