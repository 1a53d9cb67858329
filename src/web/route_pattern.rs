//! Which route of the table a request took.

use actix_web::HttpRequest;

/// The pattern of a resource, such as `/sessions/{id}/end`, in the data of the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoutePattern(pub &'static str);

impl RoutePattern {
    /// What a request is counted as that no route took.
    pub const NONE: Self = Self("none");

    /// The pattern of the resource that took the request.
    pub fn of(req: &HttpRequest) -> Self {
        req.app_data::<Self>().copied().unwrap_or(Self::NONE)
    }
}
