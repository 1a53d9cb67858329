//! The `gatehouse` command.

use std::io::Write as _;

/// Rendering a page makes many small allocations; docs/performance.md has what this allocator saves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() {
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
