//! Gatehouse: the login for a web site, with sessions that can be seen and ended.
//!
//! A tour: [`routes`] is the whole URL table, each line with its rule. [`accounts`] registers people and proves
//! who they are, [`sessions`] starts, renews and ends what they get for it, [`gate`] lets them through to the
//! operator's pages, [`admin`] shows who is inside. [`security`] holds what every request passes, [`web`] what
//! pages share, [`db`] the database, [`events`] the security log. [`app`] puts it together, [`config`] says how
//! it is to be, [`cli`] is the command line, `demo` fills an empty site for a look around.

pub mod accounts;
pub mod admin;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod error;
pub mod events;
pub mod gate;
pub mod layout;
pub mod ops;
pub mod routes;
pub mod security;
pub mod sessions;
pub mod state;
pub mod telemetry;
pub mod users;
pub mod web;
