//! Wrappers for statements: which of them are planned anew on each execution, and which once for each connection.

use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Text},
};

use super::connection::DbConnection;

type Backend = <DbConnection as Connection>::Backend;

/// A query that is planned anew each time: which index is best depends on the parameters, and a plan for all
/// parameters reads half the table for some.
pub struct Uncached<Q>(pub Q);

impl<Q: Query> Query for Uncached<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for Uncached<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> RunQueryDsl<DbConnection> for Uncached<Q> {}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for Uncached<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        self.0.walk_ast(out)
    }
}

/// A statement that has the same text on each execution: Postgres parses and plans it once for each connection. Diesel does so with
/// queries and inserts by itself, and sends updates to be planned anew each time.
pub struct Prepared<Q>(pub Q);

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> RunQueryDsl<PgConnection> for Prepared<Q> {}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

/// A query that is run for each of some keys, with `keys.key` in its condition: one statement, whatever their number. Postgres plans it for
/// one key; for `= ANY (…)` it expects ten, and takes an index on something else, of which it knows nothing yet, to be better.
pub struct ForEachKey<'a, Q> {
    /// The keys.
    pub keys: &'a [&'a str],
    /// What is found by one of them.
    pub query: Q,
}

impl<Q: Query> Query for ForEachKey<'_, Q> {
    type SqlType = Q::SqlType;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for ForEachKey<'_, Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT found.* FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.keys)?;
        out.push_sql(") AS keys(key) CROSS JOIN LATERAL (");
        self.query.walk_ast(out.reborrow())?;
        // Keeps it a query of its own, which is planned for one key.
        out.push_sql(" OFFSET 0) AS found");
        Ok(())
    }
}

/// Counts the rows of a query that has a limit, in the database. It is planned anew each time: which index is best depends on
/// the parameters.
#[derive(QueryId)]
pub struct CountRows<Q>(pub Q);

impl<Q> Query for CountRows<Q> {
    type SqlType = BigInt;
}

impl<Q> RunQueryDsl<DbConnection> for CountRows<Q> {}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for CountRows<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql("SELECT COUNT(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS rows");
        Ok(())
    }
}
