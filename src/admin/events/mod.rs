//! The pages of the security log.

pub mod csv;
mod csv_record;
mod filter;
pub mod list;
pub mod rows;
