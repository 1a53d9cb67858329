//! What a server used, read from `/proc`, and what a round was like: medians, percentiles, ratios.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};

/// `/proc` counts CPU time in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one round measured of one server.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Right answers per second.
    pub per_second: f64,
    /// CPU seconds of the server's process per 1,000 answers.
    pub cpu: f64,
    /// The latency that half of the requests stayed under, in milliseconds.
    pub p50: f64,
    /// The latency that 99 of 100 requests stayed under, in milliseconds.
    pub p99: f64,
}

impl Round {
    /// Sums up a round from the latency of each answer and the CPU seconds that went by meanwhile.
    pub fn new(mut latencies: Vec<Duration>, took: Duration, cpu: f64) -> Result<Self> {
        latencies.sort_unstable();
        let count = latencies.len() as f64;
        Ok(Self {
            per_second: count / took.as_secs_f64(),
            cpu: cpu * 1_000.0 / count,
            p50: percentile(&latencies, 50)?,
            p99: percentile(&latencies, 99)?,
        })
    }
}

/// The value that `percent` of 100 sorted latencies stay under, in milliseconds.
pub fn percentile(sorted: &[Duration], percent: usize) -> Result<f64> {
    let at = sorted.len().saturating_sub(1) * percent / 100;
    Ok(sorted.get(at).context("nothing was answered")?.as_secs_f64() * 1_000.0)
}

/// The middle one of the values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The rounds of one work, of the application and of the limit in turn.
#[derive(Default)]
pub struct Rounds {
    /// The application's.
    pub app: Vec<Round>,
    /// The limit server's, each right after the application's.
    pub limit: Vec<Round>,
}

impl Rounds {
    /// The medians of a figure: the application's, the limit's, and that of their ratio round by round.
    pub fn medians(&self, figure: fn(&Round) -> f64) -> (f64, f64, f64) {
        let ratios = self.app.iter().zip(&self.limit).map(|(app, limit)| figure(app) / figure(limit));
        (median(self.app.iter().map(figure)), median(self.limit.iter().map(figure)), median(ratios))
    }
}

/// CPU seconds that a process and its threads have used so far.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // After the program's name in parentheses; utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |at: usize| fields.get(at - 3).and_then(|text| text.parse::<f64>().ok());
    let ticks = field(14).zip(field(15)).map(|(user, system)| user + system);
    Ok(ticks.context("/proc/…/stat has no CPU time")? / TICKS_PER_SECOND)
}

/// Memory of a process in MiB: `VmRSS` now, or `VmHWM` at its highest.
pub fn memory(pid: u32, line: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let text = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kib = text.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(kib.with_context(|| format!("/proc/…/status has no {line}"))? / 1024.0)
}

/// Makes `VmHWM` start anew.
pub fn forget_highest_memory(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("/proc/…/clear_refs")
}
