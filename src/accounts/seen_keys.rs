//! Which keys that lead nowhere were looked up lately, and from where they came: a browser with an old cookie brings it with each
//! request, and so does a flood of them.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::security::Client;

/// How long what was looked up is not looked up again.
const QUIET: Duration = Duration::from_secs(60 * 60);
/// Most keys that are remembered; of more, the one that has been for longest makes way.
const MOST_KEYS: usize = 4_096;
/// So many clients of a key are remembered; of more, the one that came first makes way. None is left out: whoever has a key could use
/// the places up.
const MOST_ORIGINS: usize = 16;

/// Remembers keys, each by a hash.
#[derive(Default)]
pub(super) struct SeenKeys(Mutex<HashMap<u64, Origins>>);

/// Where a key came from.
struct Origins {
    since: Instant,
    seen: VecDeque<u64>,
}

impl SeenKeys {
    /// Whether these keys have to be looked up: they have not been of late for a client like this. They count as looked up from then on.
    /// `by_network`: whether its network counts.
    pub(super) fn note(&self, store_keys: &[String], client: &Client, by_network: bool) -> bool {
        let (key, origin) = (hashed(store_keys), origin(client, by_network));
        let mut keys = self.keys();
        if keys.len() >= MOST_KEYS && !keys.contains_key(&key) {
            let oldest = keys.iter().min_by_key(|(_, origins)| origins.since).map(|(key, _)| *key);
            oldest.map(|oldest| keys.remove(&oldest));
        }
        let new = || Origins { since: Instant::now(), seen: VecDeque::new() };
        let origins = keys.entry(key).or_insert_with(new);
        if origins.since.elapsed() > QUIET {
            *origins = new();
        }
        let is_new = !origins.seen.contains(&origin);
        if is_new {
            if origins.seen.len() >= MOST_ORIGINS {
                origins.seen.pop_front();
            }
            origins.seen.push_back(origin);
        }
        is_new
    }

    /// Lets these keys be looked up again: it has not come to an end.
    pub(super) fn forget(&self, store_keys: &[String], client: &Client, by_network: bool) {
        if let Some(origins) = self.keys().get_mut(&hashed(store_keys)) {
            origins.seen.retain(|seen| *seen != origin(client, by_network));
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<u64, Origins>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The network and the program of a client, and whether its network counts.
fn origin(client: &Client, by_network: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (client.network(), &client.user_agent, by_network).hash(&mut hasher);
    hasher.finish()
}

fn hashed(store_keys: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    store_keys.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(user_agent: &str) -> Client {
        Client { ip: [192, 0, 2, 1].into(), user_agent: user_agent.to_owned() }
    }

    fn key(number: usize) -> [String; 1] {
        [format!("{number}")]
    }

    #[test]
    fn seen_key_is_looked_up_once_for_each_client() {
        let seen = SeenKeys::default();
        assert!(seen.note(&key(1), &client("a"), true));
        assert!(!seen.note(&key(1), &client("a"), true));
        assert!(seen.note(&key(1), &client("b"), true) && seen.note(&key(2), &client("a"), true));
        let elsewhere = Client { ip: [192, 0, 2, 2].into(), ..client("a") };
        assert!(seen.note(&key(1), &elsewhere, true) && !seen.note(&key(1), &elsewhere, true));
        assert!(seen.note(&key(1), &client("a"), false), "looked at in another way");
        seen.forget(&key(1), &client("a"), true);
        assert!(seen.note(&key(1), &client("a"), true) && !seen.note(&key(1), &client("b"), true));
    }

    #[test]
    fn seen_keys_and_their_clients_are_bounded() {
        let seen = SeenKeys::default();
        let looked_up =
            (0..1_000).filter(|number| seen.note(&key(0), &client(&format!("{number}")), true)).count();
        assert_eq!(looked_up, 1_000, "nobody can use the places up");
        assert_eq!(seen.keys().values().map(|origins| origins.seen.len()).sum::<usize>(), MOST_ORIGINS);
        for number in 1..2 * MOST_KEYS {
            assert!(seen.note(&key(number), &client("a"), true), "{number}");
        }
        assert_eq!(seen.keys().len(), MOST_KEYS);
        assert!(!seen.note(&key(2 * MOST_KEYS - 1), &client("a"), true), "the newest is remembered");
    }
}
