//! The catalogue: the table `sessions`, which decides whether a session has ended.

pub mod alike;
pub mod counts;
pub mod cursor;
pub mod device;
pub mod device_keys;
pub mod device_names;
pub mod due;
pub mod end;
pub mod end_reason;
pub mod filter;
pub mod list;
pub mod method;
pub mod predicates;
pub mod rights;
pub mod rotated_keys;
pub mod rows;
pub mod sign_in_notices;
pub mod site_cookies;
pub mod stolen_keys;
