//! The current time, and the time zone in which people read times.

mod current;
mod zone;

pub use current::{go_on_from, now, now_utc, of_this_machine, unix_now};
pub use zone::{Zone, format_here, render_in};
