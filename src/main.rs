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
    // Returning would wait without limit for threads that a hung database keeps.
    std::process::exit(status);
}
