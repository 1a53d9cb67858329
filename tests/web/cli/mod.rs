//! The command line: what it does, what it prints, and its exit status.

mod commands;
mod demo;
mod users;
