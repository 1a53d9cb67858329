//! Texts of people as Unicode defines them: how they are compared, and what of them can be seen.

mod fold;
mod opaque;
mod visible;

pub use fold::{SearchKey, fold, plain_forms};
pub use opaque::opaque_string;
pub use visible::{Flaw, NOT_VISIBLE, check, escaped, is_refused, shown};
