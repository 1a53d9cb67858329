//! `/admin/sessions/events`: what happens to everyone's sessions, as it happens.

mod batch;
mod count;
mod events;
mod stream;

pub use stream::events;
