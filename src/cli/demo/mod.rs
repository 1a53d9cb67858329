//! `gatehouse demo`: fills an empty database with generated users, sessions and events.

mod fill;
mod history;
mod insert;
mod people;
mod places;
mod rows;
mod timeline;

use clap::Args;

use self::fill::{ADMINISTRATOR, Size, fill};
use super::{
    report::{error_line, line},
    stores,
};
use crate::{config::Config, web::grouped};

/// Ended sessions for each active one, unless `--ended` is given.
const ENDED_PER_ACTIVE: usize = 5;

#[derive(Args)]
pub(super) struct DemoArguments {
    /// People, the administrator included
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    users: u32,
    /// Active sessions
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    sessions: u32,
    /// Ended sessions of the last 90 days [default: five times the active ones]
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=50_000_000))]
    ended: Option<u32>,
}

/// Fills the database and prints how to sign in.
pub(super) async fn run(config: &Config, arguments: DemoArguments) -> Result<(), String> {
    let (db, sessions) = stores::open(config).await?;
    stores::wait(&sessions).await?;
    let active = arguments.sessions as usize;
    let ended = arguments.ended.map_or(active * ENDED_PER_ACTIVE, |ended| ended as usize);
    let size = Size { users: arguments.users as usize, sessions: active, ended };
    let filled = fill(config, &db, &sessions, size).await.map_err(error_line)?;
    let text = |count: usize| grouped(count.try_into().unwrap_or(i64::MAX));
    line(&format!(
        "Made {} people with {} active and {} ended sessions, and {} events.",
        text(size.users),
        text(size.sessions),
        text(size.ended),
        text(filled.events)
    ))?;
    line(&format!("Sign in as {ADMINISTRATOR}; everyone's password is {}", filled.password))?;
    Ok(())
}
