//! The database: its migrations and the schema in the code, and what its errors mean.

mod addresses;
mod errors;
mod migrate_at_start;
mod migrations;
mod old_statements;
mod statement_counts;
