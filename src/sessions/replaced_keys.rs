//! Keys that were just replaced. A request that came with the old key and answers after the rotation must not
//! renew the old cookie: it would overwrite the new one in the browser.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Longer than any request runs.
const KEPT: Duration = Duration::from_secs(60);

/// Store keys with the time of their replacement.
#[derive(Default)]
pub(super) struct ReplacedKeys(Mutex<HashMap<String, Instant>>);

impl ReplacedKeys {
    /// Notes that the key was replaced just now.
    pub fn add(&self, store_key: String) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, at| at.elapsed() < KEPT);
        keys.insert(store_key, Instant::now());
    }

    /// Whether the key was replaced lately.
    pub fn contains(&self, store_key: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(store_key)
    }
}
