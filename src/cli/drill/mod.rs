//! `gatehouse drill`: ends a session that is in use at every instance, and measures until each of them refuses it.

mod arguments;
mod http;
mod in_flight;
mod plan;
mod probe;
mod results;
mod run;
mod stream;
mod use_of_session;

pub(super) use arguments::DrillArguments;
pub(super) use run::run;
