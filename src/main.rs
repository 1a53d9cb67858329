//! The `gatehouse` command.

use std::{
    ffi::{c_int, c_long},
    io::Write as _,
};

/// Rendering a page makes many small allocations; docs/performance.md has what this allocator saves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(unsafe_code, reason = "the crate has no options")]
unsafe extern "C" {
    /// Sets an option of mimalloc, by its number in `mi_option_e`.
    safe fn mi_option_set(option: c_int, value: c_long);
}

/// `mi_option_purge_delay`: after how many milliseconds freed memory goes back to the system.
const PURGE_DELAY: c_int = 15;

#[actix_web::main]
async fn main() {
    // After the second that is mimalloc's own, what a start needs is freed and nothing is left to be done that would give it back.
    mi_option_set(PURGE_DELAY, 100);
    let status = match gatehouse::cli::run().await {
        Ok(()) => 0,
        Err(failure) => {
            // Where nobody reads standard error, the status says it.
            let _ = writeln!(std::io::stderr(), "{}", failure.text);
            failure.status
        }
    };
    // Worker threads may end after this one. The thread that drops the last handle of the actix system wakes a receiver
    // that is gone by then, and panics; so one handle is kept.
    std::mem::forget(actix_web::rt::System::current());
    gatehouse::telemetry::end_log();
    // Returning from `main` would wait without limit for threads that hang in database calls.
    std::process::exit(status);
}
