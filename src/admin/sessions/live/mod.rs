//! `/admin/sessions/events`: the event stream of starts, ends and activity of all sessions.

mod batch;
mod count;
mod events;
mod stream;

pub use stream::events;
