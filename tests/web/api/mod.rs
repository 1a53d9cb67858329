//! Tests the calls of front ends, apps and scripts (`/auth`).

mod accounts;
mod bad_input;
mod caddy;
mod confirmation;
mod curl;
mod description;
mod ends;
mod front_ends;
mod nginx;
mod odd_requests;
mod readable_refusals;
mod scripts;
mod sessions;
mod tokens;
mod traefik;
mod verify;
mod websockets;
