//! The command line: what it does, what it prints, and its exit status.

mod backup;
mod commands;
mod configuration;
mod demo;
mod drill;
mod install;
mod output;
mod production;
mod service_manager;
mod start;
mod stop;
mod users;
