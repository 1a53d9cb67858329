//! CPU time and memory of a process, read from `/proc`, and the figures of a round: medians, percentiles, ratios.

use std::{
    fs,
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::server::Server;

/// The unit of CPU time in `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

/// The figures of one server in one round.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Correct responses per second.
    pub per_second: f64,
    /// CPU seconds of the server's process per 1,000 responses.
    pub cpu: f64,
    /// The median latency, in milliseconds.
    pub p50: f64,
    /// The 99th percentile of the latency, in milliseconds.
    pub p99: f64,
}

impl Round {
    /// Computes the figures from the latency of each response, the length of the round and the CPU seconds used in it.
    pub fn new(mut latencies: Vec<Duration>, length: Duration, cpu: f64) -> Result<Self> {
        latencies.sort_unstable();
        let count = latencies.len() as f64;
        Ok(Self {
            per_second: count / length.as_secs_f64(),
            cpu: cpu * 1_000.0 / count,
            p50: percentile(&latencies, 50)?,
            p99: percentile(&latencies, 99)?,
        })
    }
}

/// Runs the load of one round and computes its figures.
pub async fn measure(server: Server, load: impl Future<Output = Result<Vec<Duration>>>) -> Result<Round> {
    let (start, cpu) = (Instant::now(), cpu_seconds(server.pid)?);
    let latencies = load.await?;
    Round::new(latencies, start.elapsed(), cpu_seconds(server.pid)? - cpu)
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

/// The rounds of one workload, alternating between the application and the limit server.
#[derive(Default)]
pub struct Rounds {
    /// The rounds of the application.
    pub app: Vec<Round>,
    /// The rounds of the limit server, each right after that of the application with the same index.
    pub limit: Vec<Round>,
}

impl Rounds {
    /// The medians of a figure: of the application, of the limit server, and of the ratios of both in each round.
    pub fn medians(&self, figure: fn(&Round) -> f64) -> (f64, f64, f64) {
        let ratios = self.app.iter().zip(&self.limit).map(|(app, limit)| figure(app) / figure(limit));
        (median(self.app.iter().map(figure)), median(self.limit.iter().map(figure)), median(ratios))
    }
}

/// CPU seconds that a process with all its threads has used so far.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The fields after the program's name, which is in parentheses; utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |at: usize| fields.get(at - 3).and_then(|text| text.parse::<f64>().ok());
    let ticks = field(14).zip(field(15)).map(|(user, system)| user + system);
    Ok(ticks.context("/proc/…/stat has no CPU time")? / TICKS_PER_SECOND)
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
