//! Names as they are shown.

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, Queryable},
    sql_types::Text,
};

use crate::text::shown;

/// What is shown in place of a name of which nothing can be seen.
const NOT_VISIBLE: &str = "(no visible name)";

/// A name as it is read from its row: earlier versions took names that can't be seen or turn the direction of what follows.
pub struct ShownName(String);

impl From<ShownName> for String {
    fn from(name: ShownName) -> Self {
        name.0
    }
}

impl<DB: Backend> Queryable<Text, DB> for ShownName
where
    String: FromSql<Text, DB>,
{
    type Row = String;

    fn build(row: String) -> deserialize::Result<Self> {
        Ok(Self(shown(&row, NOT_VISIBLE)))
    }
}
