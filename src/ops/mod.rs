//! What operators and load balancers ask: health.

pub mod health;
