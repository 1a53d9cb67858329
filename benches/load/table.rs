//! The table of a workload: a line of medians for each server, and the ratios of the first one to the others.

use crate::{
    server::Server,
    stats::{Round, median},
};

/// What a column shows, the memory left out.
struct Figure {
    name: &'static str,
    /// Digits after the decimal point.
    digits: usize,
    of: fn(&Round) -> f64,
}

const FIGURES: [Figure; 6] = [
    Figure { name: "per s", digits: 0, of: |round| round.per_second },
    Figure { name: "CPU-s / 1000", digits: 4, of: |round| round.cpu },
    Figure { name: "Postgres CPU-s", digits: 4, of: |round| round.postgres },
    Figure { name: "Redis CPU-s", digits: 4, of: |round| round.redis },
    Figure { name: "p50 ms", digits: 2, of: |round| round.p50 },
    Figure { name: "p99 ms", digits: 2, of: |round| round.p99 },
];

/// One server of a workload.
pub struct Row {
    pub name: &'static str,
    pub server: Server,
    pub rounds: Vec<Round>,
    /// MiB of resident memory.
    pub memory: f64,
}

impl Row {
    /// A server without measurements.
    pub fn new(name: &'static str, server: Server) -> Self {
        Self { name, server, rounds: Vec::new(), memory: f64::NAN }
    }
}

/// What the first server is to reach: of the columns of [`FIGURES`], and of memory. A plain number is of the ratio to the limit server.
pub type Goals = [&'static str; 7];

/// Prints the servers, the ratios of the first one to each of the others, and the goals.
pub fn print(rows: &[Row], goals: Goals) {
    println!("| | {} | RSS MiB |", FIGURES.map(|figure| figure.name).join(" | "));
    println!("|---|{}", "---|".repeat(goals.len()));
    for row in rows {
        let cells = FIGURES.map(|figure| cell(median(row.rounds.iter().map(figure.of)), figure.digits));
        println!("| {} | {} | {:.0} |", row.name, cells.join(" | "), row.memory);
    }
    let Some((first, others)) = rows.split_first() else { return };
    for other in others {
        let pairs = || first.rounds.iter().zip(&other.rounds);
        let ratio = |of: fn(&Round) -> f64| median(pairs().map(|(own, other)| of(own) / of(other)));
        let cells = FIGURES.map(|figure| cell(ratio(figure.of), 2));
        println!("| ratio to {} | {} | {:.2} |", other.name, cells.join(" | "), first.memory / other.memory);
    }
    println!("| goal | {} |", goals.join(" | "));
}

/// A figure, or a dash where there is none.
fn cell(value: f64, digits: usize) -> String {
    if value.is_finite() { format!("{value:.digits$}") } else { "-".to_owned() }
}
