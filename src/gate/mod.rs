//! The gate: what lies behind the login that is not ours.

pub mod pages;
