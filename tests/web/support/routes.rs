//! The application's route table as the tests see it.

pub use gatehouse::routes::{Line, Rule};
use gatehouse::routes::{with_session, without_session};

/// All routes, those without a session first.
pub fn all_routes() -> Vec<Line> {
    let tables = [without_session(), with_session()];
    tables.iter().flat_map(|table| table.lines().to_vec()).collect()
}

/// The routes that look for a session.
pub fn session_routes() -> Vec<Line> {
    with_session().lines().to_vec()
}
