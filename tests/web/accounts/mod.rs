//! Registering, signing in and out, and what users do with their own accounts.

mod activity;
mod address_shapes;
mod addresses;
mod confirm_password;
mod deletion;
mod ended_notice;
mod export;
mod hash_queue;
mod invitations;
mod last_administrator;
mod login;
mod many_sessions;
mod my_sessions;
mod names;
mod operations;
mod password_again;
mod passwords;
mod profile;
mod register;
mod second_factor;
mod second_factor_required;
mod second_step;
mod second_step_races;
mod setup;
mod signed_out;
mod withdrawn_links;
