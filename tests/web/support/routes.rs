//! The application's route table as the tests see it.

pub use gatehouse::routes::{Access, RouteSpec};
use gatehouse::routes::{with_session, without_session};

/// All routes, those without a session first.
pub fn all_routes() -> Vec<RouteSpec> {
    let tables = [without_session(), with_session()];
    tables.iter().flat_map(|table| table.specs().to_vec()).collect()
}

/// The routes that look for a session.
pub fn session_routes() -> Vec<RouteSpec> {
    with_session().specs().to_vec()
}
