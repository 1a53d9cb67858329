//! Tests the calls of front ends, apps and scripts (`/auth`).

mod accounts;
mod bad_input;
mod curl;
mod description;
mod front_ends;
mod nginx;
mod readable_refusals;
mod scripts;
mod sessions;
mod tokens;
mod verify;
