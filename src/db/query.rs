//! Queries that are planned for what they ask.

use diesel::{
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::BigInt,
};

use super::connect::DbConnection;

type Backend = <DbConnection as Connection>::Backend;

/// A query that is planned anew each time: which index is best depends on what is asked for, and a plan for all cases
/// reads half the table for some.
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

/// The number of rows of a query that has a limit, counted by the database. It is planned anew each time: which index is best
/// depends on what is asked for.
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
