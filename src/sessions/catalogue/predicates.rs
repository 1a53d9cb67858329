//! The conditions "not ended" and "active", written once for all queries.

use diesel::{
    dsl::{And, AsExprOf, Gt, IsNotNull, IsNull, Or, Otherwise, case_when},
    prelude::*,
    sql_types::Bool,
};
use time::PrimitiveDateTime;

use crate::db::schema::sessions;

/// [`not_ended`] in SQL text, for statements that Diesel cannot build.
pub(in crate::sessions) const NOT_ENDED_SQL: &str = "sessions.ended_at IS NULL";

/// The type of [`not_ended`].
pub(in crate::sessions) type NotEnded = IsNull<sessions::ended_at>;

/// The type of [`ended_or_not`].
pub(in crate::sessions) type EndedOrNot = Or<NotEnded, IsNotNull<sessions::ended_at>>;

/// The type of [`active`].
pub type Active = And<And<NotEnded, IsNotNull<sessions::store_key>>, Unexpired>;

type Unexpired = Otherwise<
    case_when<Gt<sessions::expires_at, PrimitiveDateTime>, AsExprOf<bool, Bool>>,
    AsExprOf<bool, Bool>,
>;

/// The session has not ended. It may have expired and wait for the sweep.
pub(in crate::sessions) fn not_ended() -> NotEnded {
    sessions::ended_at.is_null()
}

/// Any session, for those that are found by their key: Postgres has one index of the keys of ended sessions and another of all others, and
/// uses both only where both are named. Otherwise it would read the whole table.
pub(in crate::sessions) fn ended_or_not() -> EndedOrNot {
    not_ended().or(sessions::ended_at.is_not_null())
}

/// The session can be used: it has not ended, its state is in the store, and it has not expired.
///
/// Nearly all sessions that have not ended are unexpired. Postgres would estimate a plain comparison as selective as it is
/// among ended sessions, and choose the index on the expiry; `CASE` hides the comparison from the planner.
pub fn active(now: PrimitiveDateTime) -> Active {
    let unexpired =
        case_when(sessions::expires_at.gt(now), true.into_sql::<Bool>()).otherwise(false.into_sql::<Bool>());
    not_ended().and(sessions::store_key.is_not_null()).and(unexpired)
}
