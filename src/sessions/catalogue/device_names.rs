//! The names of browsers and systems that sessions have. They come from the clients' `User-Agent`, so there is no closed set of
//! them.

use diesel::{prelude::*, sql_types::Text};

use crate::{db::DbConnection, error::Error, text::fold};

/// Most names that are read.
const MAX_NAMES: usize = 10_000;

/// A column with names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceColumn {
    /// The browser.
    Browser,
    /// The operating system.
    Os,
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The names that the active, or the ended, sessions have. Reads one entry of the index for each name.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub fn in_use(conn: &mut DbConnection, column: DeviceColumn, ended: bool) -> Result<Vec<String>, Error> {
    let column = match column {
        DeviceColumn::Browser => "browser",
        DeviceColumn::Os => "os",
    };
    let listed = if ended { "ended_at IS NOT NULL" } else { "ended_at IS NULL AND store_key IS NOT NULL" };
    let rows: Vec<NameRow> = diesel::sql_query(format!(
        "WITH RECURSIVE names(name) AS (SELECT min({column}) FROM sessions WHERE {listed} \
         UNION ALL SELECT (SELECT min({column}) FROM sessions WHERE {listed} AND {column} > names.name) \
         FROM names WHERE names.name IS NOT NULL) \
         SELECT name FROM names WHERE name IS NOT NULL LIMIT {MAX_NAMES}"
    ))
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// The names in use that equal the typed one in any case.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(super) fn matching(
    conn: &mut DbConnection,
    column: DeviceColumn,
    ended: bool,
    typed: &str,
) -> Result<Vec<String>, Error> {
    let key = fold(typed);
    let mut names = in_use(conn, column, ended)?;
    names.retain(|name| fold(name) == key);
    Ok(names)
}
