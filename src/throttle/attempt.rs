//! An attempt that was let through, until it is known what became of it.

use std::sync::Arc;

use super::{limits::Limits, refusal::detail, subject::Key};

/// An attempt. One that is dropped was given up and counts as nothing: nobody has learnt anything by it.
#[must_use = "what became of the attempt has to be counted"]
pub struct Attempt {
    /// `None`: nothing is limited.
    limits: Option<Arc<Limits>>,
    keys: Vec<Key>,
    /// Those before it, in the order of the keys.
    pub(super) failures: Vec<u32>,
}

impl Attempt {
    pub(super) fn unlimited() -> Self {
        Self { limits: None, keys: Vec::new(), failures: Vec::new() }
    }

    pub(super) fn under_way(limits: Arc<Limits>, keys: Vec<Key>) -> Self {
        Self { limits: Some(limits), keys, failures: Vec::new() }
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Counts a failure. Returns what the security log should say of it, if it is the one after which attempts wait or are
    /// refused.
    pub async fn failed(self) -> Option<String> {
        let limits = self.limits.as_ref()?;
        let failures = limits.fail(&self.keys).await;
        let turn = |(key, failures): (&Key, u32)| {
            key.kind.policy().is_threshold(failures).then(|| detail(key.kind, failures))
        };
        self.keys.iter().zip(failures).find_map(turn)
    }

    /// Ends the counts of failures in a row.
    pub async fn succeeded(self) {
        let Some(limits) = &self.limits else { return };
        let counts = self.keys.iter().zip(&self.failures);
        for (key, _) in counts.filter(|(key, failures)| key.kind.is_in_a_row() && **failures > 0) {
            limits.forget(*key).await;
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(limits) = &self.limits {
            limits.local.end(&self.keys);
        }
    }
}
