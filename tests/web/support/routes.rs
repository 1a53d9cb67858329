//! The application's route table as the tests see it.

pub use gatehouse::routes::{Access, RouteSpec};
use gatehouse::routes::{calls, with_session, without_session};

use super::calls::is_call;

/// All routes, those without a session first.
pub fn all_routes() -> Vec<RouteSpec> {
    let tables = [without_session(), with_session(), calls()];
    tables.iter().flat_map(|table| table.specs().to_vec()).collect()
}

/// The calls of front ends, apps and scripts, without the page about them.
pub fn call_routes() -> Vec<RouteSpec> {
    all_routes().into_iter().filter(|route| is_call(route.path)).collect()
}

/// The routes of pages and forms that look for a session.
pub fn session_routes() -> Vec<RouteSpec> {
    with_session().specs().to_vec()
}

/// A path that matches the route's pattern, of a resource that does not exist.
pub fn example(line: &RouteSpec) -> String {
    let path = line.path.replace("{path:admin(?:/.*)?}", "admin/none.html").replace("{path:.*}", "none.html");
    let path = path.replace("{id}", "aaaaaaaaaaaaaaaaaaaaaa").replace("{name}", "none.css");
    assert!(!path.contains('{'), "no example for {}", line.path);
    path
}
