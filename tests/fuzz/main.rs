//! The readers of what strangers send, held to what they promise for any input: known inputs (`corpus/`) with random changes, and
//! random bytes. `cargo test` tries a few hundred of each; `scripts/fuzz` goes on for a minute each. What fails is kept in
//! `proptest-regressions/` and tried first from then on.

#![expect(clippy::unwrap_used, reason = "tests and their helpers fail by panicking")]
#![expect(
    unreachable_pub,
    reason = "in a binary no item is reachable from outside; `pub` marks what other files use"
)]

mod calls;
mod cookies;
mod forms;
mod forwarded;
mod hosts;
mod mutate;
mod next;
mod settings;
