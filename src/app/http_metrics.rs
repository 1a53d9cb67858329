//! What is counted and measured of requests.

use std::time::Instant;

use actix_web::http::{Method, StatusCode};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::{
    telemetry::metrics::{Labels, durations, observe_since},
    web::RoutePattern,
};

/// Counts and durations of requests; cheap to clone.
#[derive(Clone)]
pub(super) struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Durations,
}

/// A histogram for each route.
type Durations = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// The labels of a request.
type RequestLabels = (Labels<2>, [(&'static str, u16); 1]);

impl HttpMetrics {
    /// Counts from zero.
    pub(super) fn new() -> Self {
        Self { requests: Family::default(), durations: Family::new_with_constructor(durations) }
    }

    /// Registers the counts.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "Requests by route, method and status of the answer",
            self.requests.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time from the head of a request to the head of its answer, by route",
            self.durations.clone(),
        );
    }

    /// Counts a request.
    pub(super) fn record(&self, route: RoutePattern, method: &Method, status: StatusCode, began: Instant) {
        let labels = ([("route", route.0), ("method", known(method))], [("status", status.as_u16())]);
        self.requests.get_or_create(&labels).inc();
        observe_since(&self.durations.get_or_create(&[("route", route.0)]), began);
    }
}

/// The method, of those that there are; clients may make up others.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
