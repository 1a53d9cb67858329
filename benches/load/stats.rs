//! CPU time and memory of processes, read from `/proc`, and the figures of a round: medians and percentiles.

use std::{
    fs,
    future::Future,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::server::Server;

/// The unit of CPU time in `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processes of the stores; those on another machine are not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreProcesses {
    /// The parent of all of Postgres's processes.
    pub postgres: Option<u32>,
    pub redis: Option<u32>,
}

/// CPU seconds of a server under load and of the stores; NaN where the process is not known.
#[derive(Debug, Clone, Copy)]
struct Cpu {
    server: f64,
    postgres: f64,
    redis: f64,
}

impl Cpu {
    /// What they have used so far.
    fn used(server: Server, stores: StoreProcesses) -> Result<Self> {
        Ok(Self {
            server: cpu_seconds(server.pid)?,
            postgres: stores.postgres.map_or(Ok(f64::NAN), family_cpu_seconds)?,
            redis: stores.redis.map_or(Ok(f64::NAN), cpu_seconds)?,
        })
    }

    /// What they have used since `before`, for 1,000 of `count` responses.
    fn per_thousand(self, before: Self, count: f64) -> Self {
        let each = |now: f64, before: f64| (now - before) * 1_000.0 / count;
        Self {
            server: each(self.server, before.server),
            postgres: each(self.postgres, before.postgres),
            redis: each(self.redis, before.redis),
        }
    }
}

/// The figures of one server in one round.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Correct responses per second.
    pub per_second: f64,
    /// CPU seconds of the server's process per 1,000 responses.
    pub cpu: f64,
    /// Those of all of Postgres's processes meanwhile.
    pub postgres: f64,
    /// Those of Redis meanwhile.
    pub redis: f64,
    /// The median latency, in milliseconds.
    pub p50: f64,
    /// The 99th percentile of the latency, in milliseconds.
    pub p99: f64,
}

/// Runs the load of one round and computes its figures.
pub async fn measure(
    server: Server,
    stores: StoreProcesses,
    load: impl Future<Output = Result<Vec<Duration>>>,
) -> Result<Round> {
    let before = Cpu::used(server, stores)?;
    let start = Instant::now();
    let mut latencies = load.await?;
    let length = start.elapsed();
    let count = latencies.len() as f64;
    let cpu = Cpu::used(server, stores)?.per_thousand(before, count);
    latencies.sort_unstable();
    Ok(Round {
        per_second: count / length.as_secs_f64(),
        cpu: cpu.server,
        postgres: cpu.postgres,
        redis: cpu.redis,
        p50: percentile(&latencies, 50)?,
        p99: percentile(&latencies, 99)?,
    })
}

/// A percentile of sorted latencies, in milliseconds.
pub fn percentile(sorted: &[Duration], percent: usize) -> Result<f64> {
    let at = sorted.len().saturating_sub(1) * percent / 100;
    Ok(sorted.get(at).context("no responses")?.as_secs_f64() * 1_000.0)
}

/// The median of the values; NaN if there are none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// CPU seconds that a process with all its threads has used so far.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    seconds(&stat, OWN_TIME).context("/proc/…/stat has no CPU time")
}

/// CPU seconds that a process and its children have used so far, those that have ended included.
fn family_cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let mut sum = seconds(&stat, OWN_AND_ENDED_TIME).context("/proc/…/stat has no CPU time")?;
    for entry in fs::read_dir("/proc")? {
        // Not every entry is a process, and a process may end meanwhile.
        let stat = fs::read_to_string(entry?.path().join("stat")).unwrap_or_default();
        if field(&stat, PARENT) == Some(f64::from(pid)) {
            sum += seconds(&stat, OWN_TIME).unwrap_or_default();
        }
    }
    Ok(sum)
}

/// The id of a process's parent, if the process is on this machine.
pub fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(field(&stat, PARENT)? as u32)
}

/// Whether a process with this id is on this machine and runs one of these programs.
pub fn runs(pid: u32, programs: &[&str]) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| programs.contains(&name.trim_end()))
}

/// The numbers of fields of `/proc/…/stat`.
const PARENT: usize = 4;
/// utime and stime.
const OWN_TIME: RangeInclusive<usize> = 14..=15;
/// The same, with cutime and cstime of the children that have ended.
const OWN_AND_ENDED_TIME: RangeInclusive<usize> = 14..=17;

/// The sum of fields that count CPU time.
fn seconds(stat: &str, fields: RangeInclusive<usize>) -> Option<f64> {
    let ticks: Option<f64> = fields.map(|number| field(stat, number)).sum();
    Some(ticks? / TICKS_PER_SECOND)
}

/// A field after the program's name, which is in parentheses and the second one.
fn field(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(number - 3)?.trim_end().parse().ok()
}

/// Resident memory of a process in MiB: `line` is `VmRSS` for the current value or `VmHWM` for the peak.
pub fn memory(pid: u32, line: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let text = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kib = text.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(kib.with_context(|| format!("/proc/…/status has no {line}"))? / 1024.0)
}

/// Resets `VmHWM` to the current value.
pub fn reset_peak_memory(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("/proc/…/clear_refs")
}
