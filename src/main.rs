//! The `gatehouse` command.

/// A page is made of many small allocations; docs/performance.md has what this allocator saves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() {
    let status = match gatehouse::cli::run().await {
        Ok(()) => 0,
        Err(complaint) => {
            eprintln!("{complaint}");
            1
        }
    };
    // Worker threads may end after this one. Whichever drops the last handle of the system wakes what is gone by then,
    // and panics; so one handle stays.
    std::mem::forget(actix_web::rt::System::current());
    // Returning would wait without limit for threads that a hung database keeps.
    std::process::exit(status);
}
