//! Sessions: started, renewed, ended, listed. The catalogue (SQL) decides whether a session has ended; the
//! store (Redis, or the catalogue's own table) holds its state and the rolling clock.

mod active_count;
pub mod catalogue;
pub mod last_seen;
pub mod live;
pub mod lookup;
mod pages;
mod request;
pub mod request_context;
mod service;
mod start;
mod store;
mod upkeep;

pub use catalogue::rows::{EndReason, Ending, Which};
pub use live::{
    end_message::{Departed, Farewell},
    event_bus::Hub,
};
pub use pages::{CHUNK, Page};
pub use request::{
    current::{Administrator, CurrentUser},
    session_store::Store,
};
pub use service::{Ends, Sessions};
pub use store::state::Established;
pub use upkeep::verify::Differences;
