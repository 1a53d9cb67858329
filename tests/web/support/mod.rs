//! What every test stands on: the real application on a fresh database, a client that shows cookies and headers
//! unchanged, test users, fixtures for the database, faults in front of the stores, and a browser.
//!
//! Start the servers with `scripts/test`. `use crate::support::*` brings what most tests need; the modules that are
//! public here are for the tests of one area and are named in their `use`.

pub mod admin_pages;
mod answer;
mod app;
pub mod authenticator;
pub mod axe;
mod barrier;
pub mod bound_browser;
pub mod bound_domain;
pub mod bound_site;
mod browser;
pub mod calls;
pub mod certificates;
mod client;
pub mod concurrent;
pub mod damage;
mod database;
pub mod demo;
pub mod device;
mod dialogue;
pub mod ends;
mod event_stream;
mod eventually;
mod fault_proxy;
pub mod forged_cookies;
pub mod gate_key;
pub mod guarded_sites;
mod instance;
pub mod load;
pub mod metrics;
mod nginx;
pub mod operations;
pub mod other_site;
pub mod outage;
mod own_process;
mod page_check;
mod pages;
pub mod passkey;
mod pgbouncer;
pub mod pool_routes;
pub mod postgres;
mod program;
pub mod proxied_site;
pub mod raw;
mod redis;
pub mod routes;
pub mod sample_data;
pub mod secrets;
mod session_pages;
pub mod smtp;
mod stack;
mod stores;
pub mod sweep;
pub mod test_routes;
pub mod throttling;
pub mod timing;
pub mod tls_front;
pub mod two_instances;
mod users;
pub mod virtual_authenticator;
pub mod websocket;

pub use answer::{Answer, Form};
pub use app::{Builder, TestApp, random_secret};
pub use barrier::Barrier;
pub use browser::Browser;
pub use client::{Client, Cookie, FIREFOX, Request};
pub use database::{HeldLock, SessionTime};
pub use event_stream::EventStream;
pub use eventually::{eventually, eventually_within};
pub use fault_proxy::ProxyMode;
pub use own_process::{OwnProcess, free_addr};
pub use page_check::{assert_page, header_complaints};
pub use pgbouncer::PgBouncer;
pub use postgres::{PostgresDatabase, PostgresServer, server_user};
pub use program::{Finished, OpenFiles, Program, Vars};
pub use redis::{RedisCluster, RedisDatabase, RedisNode, RedisServer, SentinelSet};
pub use session_pages::{
    COOKIE, listed_sessions, listed_sessions_for_admin, new_cookie, own_session_id, signed_in,
};
pub use stack::{Backend, Stack};
pub use users::{PASSWORD, Person, post_password};

pub(crate) use stack::{on_all_backends, on_both_stacks, on_linked_backends, tests_with};
