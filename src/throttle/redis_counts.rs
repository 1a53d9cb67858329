//! Counts in Redis: `throttle:KEY` holds the failures for as long as they are kept, and `throttle:KEY:wait` is there while the
//! next attempt has to wait. The times are Redis' own.

use std::{future::Future, pin::Pin, time::Duration};

use redis::{FromRedisValue, Pipeline, Value};

use super::{local_counts::Count, subject::Key};
use crate::error::Error;

/// How long an attempt may take once it was let through; then the next one is.
pub(super) const RESERVED: Duration = Duration::from_secs(10);

/// The Redis that all instances share.
pub trait RedisCommands: Send + Sync {
    /// Runs commands in one round trip and returns their answers.
    fn run_commands<'a>(
        &'a self,
        commands: &'a Pipeline,
    ) -> Pin<Box<dyn Future<Output = Result<Value, Error>> + 'a>>;
}

async fn run<T: FromRedisValue>(redis: &dyn RedisCommands, commands: &Pipeline) -> Result<T, Error> {
    T::from_owned_redis_value(redis.run_commands(commands).await?).map_err(Error::unavailable)
}

fn name(key: Key) -> String {
    format!("throttle:{key}")
}

fn wait_name(key: Key) -> String {
    format!("throttle:{key}:wait")
}

/// Reads counts, in the order of the keys.
pub(super) async fn read(redis: &dyn RedisCommands, keys: &[Key]) -> Result<Vec<Count>, Error> {
    let mut commands = redis::pipe();
    for key in keys {
        commands.cmd("GET").arg(name(*key)).cmd("PTTL").arg(name(*key)).cmd("PTTL").arg(wait_name(*key));
    }
    let answers: Vec<Option<i64>> = run(redis, &commands).await?;
    let counts = keys.iter().zip(answers.chunks(3)).map(|(key, answer)| {
        let number = |index: usize| answer.get(index).copied().flatten().unwrap_or(0).max(0);
        let failures = u32::try_from(number(0)).unwrap_or(u32::MAX);
        // A closed count is closed for as long as it is kept.
        let left = if key.kind.policy().is_closed(failures) { number(1) } else { number(2) };
        Count { failures, wait: Duration::from_millis(left.unsigned_abs()) }
    });
    Ok(counts.collect())
}

/// Lets one attempt through, of all that come at the same time. `false`: another one was quicker.
pub(super) async fn reserve(redis: &dyn RedisCommands, key: Key) -> Result<bool, Error> {
    let mut commands = redis::pipe();
    commands.cmd("SET").arg(wait_name(key)).arg(1).arg("NX").arg("PX").arg(millis(RESERVED));
    let (set,): (Option<String>,) = run(redis, &commands).await?;
    Ok(set.is_some())
}

/// Counts a failure for each key. Returns the failures with it, in the order of the keys.
pub(super) async fn fail(redis: &dyn RedisCommands, keys: &[Key]) -> Result<Vec<u32>, Error> {
    let mut commands = redis::pipe();
    for key in keys {
        let (name, kept) = (name(*key), millis(key.kind.policy().kept));
        // The count ends by itself even if the connection breaks before the last command.
        commands.cmd("SET").arg(&name).arg(0).arg("NX").arg("PX").arg(kept).ignore();
        commands.cmd("INCR").arg(&name).cmd("PEXPIRE").arg(&name).arg(kept).ignore();
    }
    let failures: Vec<u32> = run(redis, &commands).await?;
    let mut commands = redis::pipe();
    let waits = keys.iter().zip(&failures).map(|(key, failures)| (key, key.kind.policy().wait(*failures)));
    for (key, wait) in waits.filter(|(_, wait)| !wait.is_zero()) {
        commands.cmd("SET").arg(wait_name(*key)).arg(1).arg("PX").arg(millis(wait)).ignore();
    }
    if commands.cmd_iter().next().is_some() {
        run::<()>(redis, &commands).await?;
    }
    Ok(failures)
}

/// Forgets a count.
pub(super) async fn forget(redis: &dyn RedisCommands, key: Key) -> Result<(), Error> {
    let mut commands = redis::pipe();
    commands.cmd("DEL").arg(name(key)).ignore().cmd("DEL").arg(wait_name(key)).ignore();
    run(redis, &commands).await
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
