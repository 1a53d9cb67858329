//! Sessions: started, renewed, ended, listed. The catalogue (SQL) decides whether a session has ended; the
//! store (Redis, or the catalogue's own table) holds its state and the rolling clock.

mod active_count;
mod binding;
mod canary;
pub mod catalogue;
mod duration;
mod end_many;
mod end_task;
mod found_session;
mod last_seen;
pub mod live;
mod lookup;
mod metrics;
mod new_key;
mod pages;
mod request;
mod request_context;
mod rotation;
mod service;
mod sites;
mod start;
mod store;
mod store_check;
mod upkeep;

pub use binding::{
    instructions::{over, registering_origins},
    refresh::{Refresh, SentProof},
    streams::while_proven,
};
pub use canary::CanarySession;
pub use catalogue::{
    alike::AlikeCounts,
    end::{EndOutcome, EndRequest, Remarks, Target},
    end_reason::EndReason,
    site_cookies::CodeUse,
};
pub use end_many::CHUNK;
pub use end_task::{EndProblem, EndTask};
pub use live::end_message::EndMessage;
pub use pages::{NamesInUse, Page, Preview};
pub use request::{
    bearer::came_by_bearer,
    by_store_key::current_store_key,
    current::{Administrator, CurrentSession, CurrentUser},
    ended_session::EndedSession,
    middleware::with_context,
    presented_keys::PresentedKeys,
    rotated_key::refuse_replaced_key,
    session_cookie::sender_by_cookie,
    session_store::Store,
    site_data::clear_site_data,
    unproven::unproven_sentence,
};
pub use rotation::StateChange;
pub use service::Sessions;
pub use start::NewSession;
pub use store::state::SessionState;
pub use upkeep::verify::Differences;
