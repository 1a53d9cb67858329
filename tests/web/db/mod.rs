//! The database: its migrations and the schema in the code.

mod migrations;
