//! What an attacker may try: access, headers, cookies, foreign requests and bad input.

mod bad_input;
mod connections;
mod cookies;
mod foreign_requests;
mod headers_and_proxies;
mod hosts;
mod other_session;
mod route_access;
mod secrets;
mod static_files;
