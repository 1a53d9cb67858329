//! The database: Postgres or SQLite behind one connection type, pooled.

mod connect;
mod functions;
mod migrate;
mod pool;
mod query;
#[rustfmt::skip]
pub mod schema;
mod text_enum;
mod transaction;
mod watchdog;

pub use connect::{Connect, ConnectError, DbConnection};
pub use functions::{lower, matches_person, strpos};
pub use migrate::{migrate, migrate_url};
pub use pool::Db;
pub use query::{CountRows, Uncached};
pub(crate) use text_enum::text_enum;
pub use transaction::transaction;
