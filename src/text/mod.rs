//! Texts of people as Unicode defines them: how they are compared.

mod fold;

pub use fold::{SearchKey, fold};
