//! What every test stands on: a real application on a fresh database, a client that shows cookies and headers as they
//! are, people, faults in front of the stores, and a browser. Start the servers with `scripts/test`.

mod answer;
mod client;
mod events;
mod eventually;
mod faults;
mod own_process;
mod page_check;
mod people;
mod postgres;
mod program;
mod raw;
mod redis;
mod stack;
mod stores;
mod webdriver;

pub use answer::{Answer, Form};
pub use client::{Client, Cookie, FIREFOX};
pub use events::Events;
pub use eventually::eventually;
pub use faults::Mode;
pub use page_check::{assert_page, header_complaints};
pub use people::{PASSWORD, Person};
pub use postgres::PostgresServer;
pub use program::{Finished, Program};
pub use redis::RedisServer;
pub use stack::{Builder, Stack, TestApp};
pub use stores::{Database, Stores, quoted};
pub use webdriver::Browser;

pub(crate) use stack::on_both_stacks;
