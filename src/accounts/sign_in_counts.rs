//! Counts of sign-ins, for metrics.

use prometheus_client::registry::Registry;

use crate::{
    events::EventKind,
    sessions::catalogue::method::Method,
    telemetry::metrics::{Counts, Labels},
};

/// The method of failures whose password was right.
const SECOND_STEP: &str = "second-step";

/// Counts of sign-ins, by result and by how they were made; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct SignInCounts(Counts<2>);

impl SignInCounts {
    pub(super) fn succeeded(&self, method: Method) {
        self.0.add(labels("success", method.name()));
    }

    /// Counts what the event records; other kinds of events are no sign-ins.
    pub(super) fn failed(&self, kind: EventKind) {
        match kind {
            EventKind::SignInFailed => self.0.add(labels("failure", Method::Password.name())),
            EventKind::SecondStepFailed => self.0.add(labels("failure", SECOND_STEP)),
            _ => {}
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Sign-ins by result and method; a failure of the second step has the method second-step";
        let successes = Method::known().map(|method| labels("success", method.name()));
        let failures = [Method::Password.name(), SECOND_STEP].map(|method| labels("failure", method));
        self.0.register(registry, "sign_ins", help, successes.chain(failures));
    }
}

fn labels(result: &'static str, method: &'static str) -> Labels<2> {
    [("result", result), ("method", method)]
}
