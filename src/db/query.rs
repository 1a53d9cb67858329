//! Queries that are planned for what they ask.

use diesel::{
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::BigInt,
};

use super::DbConnection;

type Backend = <DbConnection as Connection>::Backend;

/// A query that is planned anew each time: which index is best depends on what is asked for, and a plan for all cases
/// reads half the table for some.
pub struct Fresh<Q>(pub Q);

impl<Q: Query> Query for Fresh<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for Fresh<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> RunQueryDsl<DbConnection> for Fresh<Q> {}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for Fresh<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        self.0.walk_ast(out)
    }
}

/// The number of rows of a query that has a limit, counted by the database. It is planned anew each time: which index is best
/// depends on what is asked for.
#[derive(QueryId)]
pub struct Rows<Q>(pub Q);

impl<Q> Query for Rows<Q> {
    type SqlType = BigInt;
}

impl<Q> RunQueryDsl<DbConnection> for Rows<Q> {}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for Rows<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql("SELECT COUNT(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS rows");
        Ok(())
    }
}
