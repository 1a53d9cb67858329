//! The `gatehouse` command.

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
