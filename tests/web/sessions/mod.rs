//! The session engine: when a session begins, changes and ends, on one instance and on several.

mod administrators;
mod alone;
mod balancer;
mod bound;
mod catalogue_and_store;
mod crash;
mod ends;
mod history;
mod instances;
mod lifetimes;
mod lifetimes_by_role;
mod live;
mod model;
mod races;
mod revoked_mid_request;
mod rolling;
mod rotated_key;
mod rotation;
mod store_contract;
mod tripwire;
