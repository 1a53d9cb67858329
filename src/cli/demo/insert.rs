//! Inserts the generated rows quickly, in one transaction.

use diesel::{connection::SimpleConnection as _, prelude::*, sql_types::Text};

use super::rows::{DeviceKeyRow, EventRow, SampleRow, SessionRow, UserRow};
use crate::{
    db::{
        DbConnection,
        schema::{device_keys, events, samples, sessions, users},
    },
    error::Error,
};

/// Rows of one statement in SQLite, which takes 32,766 values in one.
const SQLITE_ROWS: usize = 1_000;

/// Inserts rows: in Postgres with `COPY`, in SQLite with few statements.
macro_rules! insert {
    ($conn:expr, $table:expr, $rows:expr) => {
        match $conn {
            DbConnection::Postgres(pg) => {
                diesel::copy_from($table).from_insertable($rows).execute(pg)?;
            }
            DbConnection::Sqlite(sqlite) => {
                for rows in $rows.chunks(SQLITE_ROWS) {
                    diesel::insert_into($table).values(rows).execute(sqlite)?;
                }
            }
        }
    };
}

/// Inserts users; returns the id of the first, which the others' ids follow without a gap.
pub(super) fn users(conn: &mut DbConnection, rows: &[UserRow]) -> Result<i64, Error> {
    let before: Option<i64> = users::table.select(diesel::dsl::max(users::id)).first(conn)?;
    let count = rows.len() as i64;
    insert!(conn, users::table, rows);
    let inserted = users::table.filter(users::id.gt(before.unwrap_or(0)));
    let (lowest, highest): (Option<i64>, Option<i64>) =
        inserted.select((diesel::dsl::min(users::id), diesel::dsl::max(users::id))).first(conn)?;
    match (lowest, highest) {
        (Some(lowest), Some(highest)) if highest - lowest + 1 == count => Ok(lowest),
        _ => Err(Error::BadRequest("Somebody else adds people to this database at the same time.".into())),
    }
}

/// Inserts sessions, and the keys of those that are bound.
pub(super) fn sessions(
    conn: &mut DbConnection,
    rows: Vec<SessionRow>,
    keys: Vec<DeviceKeyRow>,
) -> Result<(), Error> {
    insert!(conn, sessions::table, &rows);
    insert!(conn, device_keys::table, &keys);
    Ok(())
}

/// Inserts events.
pub(super) fn events(conn: &mut DbConnection, rows: Vec<EventRow>) -> Result<(), Error> {
    insert!(conn, events::table, &rows);
    Ok(())
}

/// Inserts samples, but where an instance that runs has recorded one of the same time.
pub(super) fn samples(conn: &mut DbConnection, rows: &[SampleRow]) -> Result<(), Error> {
    for rows in rows.chunks(SQLITE_ROWS) {
        match conn {
            DbConnection::Postgres(pg) => {
                diesel::insert_into(samples::table).values(rows).on_conflict_do_nothing().execute(pg)?;
            }
            DbConnection::Sqlite(sqlite) => {
                let times: Vec<_> = rows.iter().map(|row| row.at).collect();
                diesel::delete(samples::table.filter(samples::at.eq_any(times))).execute(sqlite)?;
                diesel::insert_into(samples::table).values(rows).execute(sqlite)?;
            }
        }
    }
    Ok(())
}

/// Begins the transaction that all rows are written in.
pub(super) fn begin(conn: &mut DbConnection) -> Result<(), Error> {
    match conn {
        DbConnection::Postgres(pg) => pg.batch_execute("BEGIN")?,
        DbConnection::Sqlite(sqlite) => sqlite.batch_execute("BEGIN IMMEDIATE")?,
    }
    Ok(())
}

/// Commits the transaction and updates the statistics of the database's planner.
pub(super) fn commit(conn: &mut DbConnection) -> Result<(), Error> {
    match conn {
        DbConnection::Postgres(pg) => {
            pg.batch_execute("COMMIT")?;
            pg.batch_execute("VACUUM ANALYZE")?;
        }
        DbConnection::Sqlite(sqlite) => sqlite.batch_execute("COMMIT; ANALYZE")?,
    }
    Ok(())
}

/// Drops the indexes that no constraint needs, in Postgres, and returns the statements that create them again: creating an index
/// over millions of rows is many times faster than inserting the rows into it one by one.
pub(super) fn drop_indexes(conn: &mut DbConnection) -> Result<Vec<String>, Error> {
    #[derive(QueryableByName)]
    struct Index {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Text)]
        definition: String,
    }
    let DbConnection::Postgres(pg) = conn else {
        return Ok(Vec::new());
    };
    let indexes: Vec<Index> = diesel::sql_query(
        "SELECT indexname::text AS name, indexdef || coalesce((SELECT \
             string_agg(format('; ALTER INDEX %I ALTER COLUMN %s SET STATISTICS %s', indexname, attnum, attstattarget), '') \
             FROM pg_attribute WHERE attrelid = format('%I', indexname)::regclass AND attstattarget > 0), '') AS definition \
         FROM pg_indexes WHERE schemaname = current_schema() \
         AND tablename IN ('users', 'sessions', 'events') AND indexdef NOT LIKE 'CREATE UNIQUE%'",
    )
    .load(pg)?;
    for Index { name, .. } in &indexes {
        pg.batch_execute(&format!("DROP INDEX \"{name}\""))?;
    }
    Ok(indexes.into_iter().map(|index| index.definition).collect())
}

/// Creates an index again.
pub(super) fn create_index(conn: &mut DbConnection, definition: &str) -> Result<(), Error> {
    match conn {
        DbConnection::Postgres(pg) => pg.batch_execute(definition)?,
        DbConnection::Sqlite(sqlite) => sqlite.batch_execute(definition)?,
    }
    Ok(())
}
