//! The database: its migrations and the schema in the code, and what its errors mean.

mod errors;
mod migrations;
mod old_statements;
