//! SQL functions that both databases have: Postgres' own or from a migration, and registered on each SQLite connection.

use diesel::{
    SqliteConnection, define_sql_function,
    sql_types::{Text, Timestamp},
};
use time::{PrimitiveDateTime, Time};

define_sql_function! {
    /// The position of a part in a text, in characters from 1; 0 when it is not there. For `<> 0` Postgres assumes that nearly
    /// all rows match, so that its better estimates of other conditions count.
    fn strpos(text: Text, part: Text) -> Integer;
}

define_sql_function! {
    /// Whether the search text of a user contains a part; both are folded.
    #[sql_name = "named"]
    fn matches_person(search_text: Text, part: Text) -> Bool;
}

define_sql_function! {
    /// A time cut down to its `minute` or `hour`. The step is written into the SQL text, because Postgres takes two parameters
    /// for two different expressions in `GROUP BY`.
    fn date_trunc(step: Text, at: Timestamp) -> Timestamp;
}

/// Registers the functions on a SQLite connection.
pub(super) fn register(conn: &mut SqliteConnection) -> Result<(), diesel::result::Error> {
    strpos_utils::register_impl(conn, |text: String, part: String| position(&text, &part))?;
    matches_person_utils::register_impl(conn, |text: String, part: String| text.contains(&part))?;
    date_trunc_utils::register_impl(conn, |step: String, at: PrimitiveDateTime| truncate(&step, at))
}

fn position(text: &str, part: &str) -> i32 {
    let before = text.find(part).map(|at| text[..at].chars().count() + 1);
    before.map_or(0, |position| position.try_into().unwrap_or(i32::MAX))
}

/// An unknown step leaves the time as it is.
fn truncate(step: &str, at: PrimitiveDateTime) -> PrimitiveDateTime {
    let minute = match step {
        "hour" => 0,
        "minute" => at.minute(),
        _ => return at,
    };
    PrimitiveDateTime::new(at.date(), Time::from_hms(at.hour(), minute, 0).unwrap_or(Time::MIDNIGHT))
}
