//! Tests the limits on guessing and on bursts.

mod browsers;
mod bursts;
mod guessing;
mod instances;
mod outage;
