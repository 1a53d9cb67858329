//! The `gatehouse` command.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    match gatehouse::cli::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}
