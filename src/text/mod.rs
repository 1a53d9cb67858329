//! Texts of people as Unicode defines them: how they are compared.

mod fold;
mod opaque;

pub use fold::{SearchKey, fold};
pub use opaque::opaque_string;
