//! Endpoints for operators and load balancers: health.

pub mod health;
