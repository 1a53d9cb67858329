//! The overview of the administration: numbers and charts.

pub mod page;
mod slots;
mod statistics;
