//! The command line: what it does, what it prints, and its exit status.

mod commands;
mod configuration;
mod demo;
mod output;
mod start;
mod users;
