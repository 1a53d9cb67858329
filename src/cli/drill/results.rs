//! What came of a drill: as a table, as JSON, and in one line for the security log.

use std::time::Duration;

use serde_json::json;

use super::use_of_session::Outcome;
use crate::{
    cli::{
        report::{json_line, line, rfc3339},
        table::Table,
    },
    events::Drill,
};

/// What came of a drill.
pub(super) struct Results {
    outcomes: Vec<Outcome>,
    within: Duration,
    /// The public id of the session.
    session: String,
    /// What is recorded.
    pub drill: Drill,
}

impl Results {
    pub(super) fn new(outcomes: Vec<Outcome>, within: Duration, session: String) -> Self {
        let refused: Option<Vec<i64>> = outcomes.iter().map(|outcome| millis(outcome).ok()).collect();
        let slowest = refused.and_then(|refused| refused.into_iter().max());
        Self { outcomes, within, session, drill: Drill::now(slowest) }
    }

    /// What came of it, in a sentence without its full stop.
    pub(super) fn summary(&self) -> String {
        let count = self.outcomes.len();
        match self.drill.slowest_ms {
            Some(slowest) => format!("passed: {count} of {count} refused, the last after {slowest} ms"),
            None => {
                let refused = self.outcomes.iter().filter(|outcome| outcome.refused.is_ok()).count();
                let within = humantime::format_duration(self.within);
                format!("failed: {} of {count} not refused within {within}", count - refused)
            }
        }
    }

    /// Writes a row for each use of the session.
    pub(super) fn write_table(&self) -> Result<(), String> {
        let row = |outcome: &Outcome| {
            let (result, ms) = match millis(outcome) {
                Ok(ms) => ("refused".to_owned(), ms.to_string()),
                Err(seen) => (format!("NOT REFUSED ({seen})"), "-".to_owned()),
            };
            [outcome.at.clone(), outcome.kind.name().to_owned(), outcome.path.clone(), result, ms]
        };
        let mut table = Table::new(["INSTANCE", "KIND", "ADDRESS", "RESULT", "MS"]);
        table.write(self.outcomes.iter().map(row).collect())?;
        if self.drill.passed { line(&format!("Drill {}.", self.summary())) } else { Ok(()) }
    }

    /// Writes the same as one object on one line.
    pub(super) fn write_json(&self) -> Result<(), String> {
        let row = |outcome: &Outcome| {
            let refused = millis(outcome);
            json!({
                "instance": outcome.at,
                "kind": outcome.kind.name(),
                "path": outcome.path,
                "refused": refused.is_ok(),
                "ms": refused.as_ref().ok(),
                "seen": refused.as_ref().err(),
            })
        };
        line(&json_line(&json!({
            "passed": self.drill.passed,
            "at": rfc3339(self.drill.at),
            "within_ms": u64::try_from(self.within.as_millis()).unwrap_or(u64::MAX),
            "slowest_ms": self.drill.slowest_ms,
            "session_id": self.session,
            "uses": self.outcomes.iter().map(row).collect::<Vec<_>>(),
        })))
    }
}

/// Whole milliseconds until the refusal, rounded up; or what was seen last.
fn millis(outcome: &Outcome) -> Result<i64, &str> {
    let rounded = |refused: &Duration| i64::try_from(refused.as_micros().div_ceil(1_000)).unwrap_or(i64::MAX);
    outcome.refused.as_ref().map(rounded).map_err(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::{super::use_of_session::Kind, *};

    fn results(refused: &[Result<u64, &str>]) -> Results {
        let outcome = |refused: &Result<u64, &str>| Outcome {
            kind: Kind::Page,
            at: "http://127.0.0.1:3000".to_owned(),
            path: "/profile".to_owned(),
            refused: refused.map(Duration::from_micros).map_err(str::to_owned),
        };
        Results::new(refused.iter().map(outcome).collect(), Duration::from_secs(5), "id".to_owned())
    }

    #[test]
    fn drill_passes_when_all_are_refused() {
        let all = results(&[Ok(1_001), Ok(12_000)]);
        assert!(all.drill.passed && all.drill.slowest_ms == Some(12));
        assert_eq!(all.summary(), "passed: 2 of 2 refused, the last after 12 ms");
        let some = results(&[Ok(1), Err("no answer"), Err("let in: 200")]);
        assert!(!some.drill.passed && some.drill.slowest_ms.is_none());
        assert_eq!(some.summary(), "failed: 2 of 3 not refused within 5s");
    }
}
