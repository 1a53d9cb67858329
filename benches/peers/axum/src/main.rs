//! The gated page and the sign-in of Gatehouse as many would build them: axum, tower-sessions with its Redis store, axum-login, sqlx.
//! The benchmark starts it after Gatehouse's users have registered; it takes their passwords' hashes and replays Gatehouse's
//! responses, so that clients see the same.

#![expect(
    unreachable_pub,
    reason = "in a binary no item is reachable from outside; `pub` marks what other files use"
)]

mod recording;
mod sessions;
mod users;
mod web;

use std::path::Path;

use anyhow::{Result, bail};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["sessions", postgres, redis] => sessions::begin_all(postgres, redis).await,
        ["serve", port, postgres, redis, directory] => {
            web::serve(port.parse()?, postgres, redis, Path::new(directory)).await
        }
        _ => bail!("axum-stack sessions POSTGRES REDIS, axum-stack serve PORT POSTGRES REDIS DIRECTORY"),
    }
}
