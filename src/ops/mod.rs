//! Endpoints for operators and load balancers: health, and metrics on `OPS_ADDR`.

pub mod health;
pub mod metrics;
