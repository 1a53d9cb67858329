//! The administrator's overview.

pub mod page;
mod statistics;
