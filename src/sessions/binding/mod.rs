//! Sessions that are bound to the device of their browser (Device Bound Session Credentials): the browser has a key that does not leave
//! the device, and a cookie that lasts minutes says that it has proven so.

pub(super) mod challenge;
pub(super) mod cookie;
pub(super) mod instructions;
pub(super) mod offer;
mod proof;
pub(super) mod refresh;
pub(super) mod register;
mod shown;
pub(super) mod streams;
