//! The application over HTTP, on real servers and on both stacks. Run with `scripts/test`.

mod support;

mod kill_nine;
mod outage;
mod postgres_faults;
mod redis_faults;
mod register;
