//! The pages of the security log.

pub mod csv;
pub mod filter;
pub mod list;
pub mod rows;
