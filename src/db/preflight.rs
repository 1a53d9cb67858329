//! What has to hold before the migrations: asked of the database, so that what can never work is said once, with its reason.

use std::collections::BTreeSet;

use diesel::{
    PgConnection, QueryResult, RunQueryDsl as _, SqliteConnection,
    backend::Backend,
    migration::MigrationSource,
    pg::Pg,
    sql_types::{Bool, Nullable, Text},
    sqlite::Sqlite,
};
use diesel_migrations::EmbeddedMigrations;

use crate::error::Error;

#[derive(diesel::QueryableByName)]
struct Facts {
    /// The schema in which tables are made; `None` when the search path names none that exists and may be used.
    #[diesel(sql_type = Nullable<Text>)]
    schema: Option<String>,
    #[diesel(sql_type = Bool)]
    may_create: bool,
    #[diesel(sql_type = Bool)]
    has_migrations: bool,
}

const FACTS: &str = "SELECT current_schema()::text AS schema, \
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create, \
    to_regclass('__diesel_schema_migrations') IS NOT NULL AS has_migrations";

#[derive(diesel::QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Whether migrations are pending. A role that may make no tables can serve a database that another one has migrated.
///
/// # Errors
/// [`Error::Misconfigured`] when migrations are pending and could not run.
pub(super) fn is_pending(pg: &mut PgConnection, migrations: &EmbeddedMigrations) -> Result<bool, Error> {
    let facts: Facts = diesel::sql_query(FACTS).get_result(pg)?;
    let Some(schema) = facts.schema else {
        return Err(misconfigured(
            "the search path of this role names no schema that exists and may be used".to_owned(),
        ));
    };
    if facts.has_migrations && pending::<Pg>(applied(pg), migrations)? == 0 {
        return Ok(false);
    }
    if facts.may_create {
        Ok(true)
    } else {
        Err(misconfigured(format!(
            "the database has to be migrated, and this role may make no tables in the schema {schema}; grant it CREATE on the \
             schema, or run `gatehouse migrate` as the schema's owner"
        )))
    }
}

/// How many migrations Postgres lacks.
///
/// # Errors
/// [`Error::Unavailable`] when the database fails.
pub(super) fn pending_on_postgres(
    pg: &mut PgConnection,
    migrations: &EmbeddedMigrations,
) -> Result<usize, Error> {
    let facts: Facts = diesel::sql_query(FACTS).get_result(pg)?;
    let applied = if facts.has_migrations { applied(pg) } else { Ok(Vec::new()) };
    pending::<Pg>(applied, migrations)
}

/// How many migrations a file of SQLite lacks.
///
/// # Errors
/// [`Error::Unavailable`] when the database fails.
pub(super) fn pending_on_sqlite(
    sqlite: &mut SqliteConnection,
    migrations: &EmbeddedMigrations,
) -> Result<usize, Error> {
    let table = "SELECT name AS version FROM sqlite_master WHERE name = '__diesel_schema_migrations'";
    let tables: Vec<Applied> = diesel::sql_query(table).load(sqlite)?;
    let applied = if tables.is_empty() { Ok(Vec::new()) } else { diesel::sql_query(APPLIED).load(sqlite) };
    pending::<Sqlite>(applied, migrations)
}

const APPLIED: &str = "SELECT version FROM __diesel_schema_migrations";

fn applied(pg: &mut PgConnection) -> QueryResult<Vec<Applied>> {
    diesel::sql_query(APPLIED).load(pg)
}

fn pending<DB: Backend>(
    applied: QueryResult<Vec<Applied>>,
    migrations: &EmbeddedMigrations,
) -> Result<usize, Error> {
    let applied: BTreeSet<String> = applied?.into_iter().map(|row| row.version).collect();
    let all = MigrationSource::<DB>::migrations(migrations).map_err(Error::internal)?;
    Ok(all.iter().filter(|migration| !applied.contains(&migration.name().version().to_string())).count())
}

fn misconfigured(reason: String) -> Error {
    Error::misconfigured("DATABASE_URL", reason)
}
