//! The application over HTTP, on real servers and on both stacks. Run with `scripts/test`.

mod support;

mod admin_ending;
mod register;
