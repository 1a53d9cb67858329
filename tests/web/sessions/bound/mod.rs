//! Sessions that are bound to the device of their browser: how they are bound, what they need from then on, and how the browser proves its
//! key. How Chromium does so is tested with Chromium.

mod bad_proofs;
mod gate;
mod off;
mod refreshes;
mod registration;
mod sites;
mod streams;
