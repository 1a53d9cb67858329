//! What this process knows of the counts: how many attempts are under way, and the failures of the time in which the store is
//! away. The table has a fixed size; names that share a slot share its count, which makes it stricter and never more lenient: only a
//! count that is of one name alone can be ended by its success.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::subject::Key;

/// Slots of the table, a power of two.
const SLOTS: usize = 1 << 14;

/// At least as many as there are kinds of counts.
const KINDS: usize = 16;

/// A count as it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Failures, in a row where success ends the count.
    pub failures: u32,
    /// How long the next attempt has to wait.
    pub wait: Duration,
}

impl Count {
    /// The stricter of two.
    fn stricter(self, other: Self) -> Self {
        Self { failures: self.failures.max(other.failures), wait: self.wait.max(other.wait) }
    }
}

/// One slot; the times are since the table was made.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    under_way: u32,
    failures: u32,
    /// Whose the failures are, if all are of one.
    of: Option<Key>,
    /// Whether some of the failures are unknown to the store.
    apart: bool,
    open_at: Duration,
    forget_at: Duration,
}

/// The table.
pub(super) struct LocalCounts {
    slots: Mutex<Vec<Slot>>,
    made: Instant,
}

impl LocalCounts {
    pub(super) fn new() -> Self {
        Self { slots: Mutex::new(vec![Slot::default(); SLOTS]), made: Instant::now() }
    }

    /// Begins an attempt that all of these count. `false`: it has to wait until others are through. Together with the
    /// failures so far those under way must not exceed what is free; beyond that there is one at a time.
    pub(super) fn begin(&self, keys: &[Key]) -> bool {
        let now = self.made.elapsed();
        let mut slots = self.slots();
        let is_free = |key: &Key| {
            let slot = &slots[index(*key)];
            let failures = if slot.forget_at > now { slot.failures } else { 0 };
            slot.under_way < key.kind.policy().free.saturating_sub(failures).max(1)
        };
        if !keys.iter().all(is_free) {
            return false;
        }
        keys.iter().for_each(|key| slots[index(*key)].under_way += 1);
        true
    }

    /// Ends an attempt that began.
    pub(super) fn end(&self, keys: &[Key]) {
        let mut slots = self.slots();
        for key in keys {
            let slot = &mut slots[index(*key)];
            slot.under_way = slot.under_way.saturating_sub(1);
        }
    }

    /// The count where the store has answered with `known`, or is away.
    pub(super) fn count(&self, key: Key, known: Option<Count>) -> Count {
        let now = self.made.elapsed();
        let mut slots = self.slots();
        let slot = &mut slots[index(key)];
        if slot.forget_at <= now {
            *slot = Slot { under_way: slot.under_way, ..Slot::default() };
        }
        let own = Count { failures: slot.failures, wait: slot.open_at.saturating_sub(now) };
        match known {
            None => own,
            Some(known) if slot.apart => known.stricter(own),
            Some(known) => {
                if slot.is_of(key) {
                    slot.set(key, known, now);
                }
                known
            }
        }
    }

    /// Counts a failure: `known` is the store's number with it; `None`: the store is away.
    pub(super) fn fail(&self, key: Key, known: Option<u32>) -> u32 {
        let now = self.made.elapsed();
        let mut slots = self.slots();
        let slot = &mut slots[index(key)];
        let own = if slot.forget_at > now { slot.failures.saturating_add(1) } else { 1 };
        let failures = match known {
            Some(known) if slot.apart => known.max(own),
            Some(known) => known,
            None => own,
        };
        slot.apart |= known.is_none();
        let is_of_key = slot.forget_at <= now || slot.is_of(key);
        slot.set(key, Count { failures, wait: key.kind.policy().wait(failures) }, now);
        slot.of = is_of_key.then_some(key);
        failures
    }

    /// Forgets the failures.
    pub(super) fn forget(&self, key: Key) {
        let slot = &mut self.slots()[index(key)];
        if slot.of == Some(key) {
            *slot = Slot { under_way: slot.under_way, ..Slot::default() };
        }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Whether all failures are of this key.
    fn is_of(&self, key: Key) -> bool {
        self.failures == 0 || self.of == Some(key)
    }

    fn set(&mut self, key: Key, count: Count, now: Duration) {
        (self.failures, self.of) = (count.failures, Some(key));
        self.open_at = now + count.wait;
        self.forget_at = if count.failures == 0 { Duration::ZERO } else { now + key.kind.policy().kept };
    }
}

/// The slot of a key. The kinds lie apart, so that a number that two of them share is no collision.
fn index(key: Key) -> usize {
    (key.number as usize).wrapping_add(key.kind as usize * (SLOTS / KINDS)) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::{super::policy::Kind, *};

    const KEY: Key = Key { kind: Kind::Account, number: 7 };

    #[test]
    fn throttle_attempts_under_way_never_exceed_what_is_free() {
        let counts = LocalCounts::new();
        assert_eq!((0..10).filter(|_| counts.begin(&[KEY])).count(), 5);
        for _ in 0..5 {
            counts.fail(KEY, None);
            counts.end(&[KEY]);
        }
        assert_eq!((0..10).filter(|_| counts.begin(&[KEY])).count(), 1, "one at a time");
        counts.forget(KEY);
        assert_eq!((0..10).filter(|_| counts.begin(&[KEY])).count(), 4, "one is still under way");
        let other = Key { number: 8, ..KEY };
        assert!(!counts.begin(&[other, KEY]));
        assert_eq!((0..10).filter(|_| counts.begin(&[other])).count(), 5, "none began with the other key");
    }

    #[test]
    fn throttle_counts_on_while_the_store_is_away() {
        let counts = LocalCounts::new();
        assert_eq!(counts.fail(KEY, Some(4)), 4);
        assert_eq!(counts.fail(KEY, None), 5);
        assert_eq!(counts.fail(KEY, None), 6);
        let away = counts.count(KEY, None);
        assert!(away.failures == 6 && away.wait > Duration::from_secs(1), "{away:?}");
        // Back, the store does not know of two of them.
        let known = Count { failures: 4, wait: Duration::ZERO };
        assert_eq!(counts.count(KEY, Some(known)).failures, 6);
        assert_eq!(counts.fail(KEY, Some(5)), 7);
        counts.forget(KEY);
        assert_eq!(counts.count(KEY, Some(Count::default())), Count::default());
        assert_eq!(counts.count(KEY, None), Count::default());
    }

    #[test]
    fn throttle_success_ends_no_count_of_another() {
        let counts = LocalCounts::new();
        let other = Key { number: KEY.number + SLOTS as u64, ..KEY };
        for _ in 0..6 {
            counts.fail(KEY, None);
        }
        counts.forget(other);
        assert_eq!(counts.count(KEY, None).failures, 6);
        counts.fail(other, None);
        counts.forget(other);
        assert_eq!(counts.count(KEY, None).failures, 7, "stricter, since both are counted");
    }

    #[test]
    fn throttle_forgets_what_is_no_longer_kept_while_the_store_is_away() {
        let mut counts = LocalCounts::new();
        for _ in 0..9 {
            counts.fail(KEY, None);
        }
        counts.made -= KEY.kind.policy().kept + Duration::from_secs(1);
        assert_eq!(counts.count(KEY, None), Count::default());
        assert_eq!(counts.fail(KEY, None), 1);
    }

    #[test]
    fn throttle_kinds_share_no_count() {
        let counts = LocalCounts::new();
        counts.fail(KEY, None);
        let other = Key { kind: Kind::Browser, ..KEY };
        assert_eq!(counts.count(other, None), Count::default());
    }

    #[test]
    fn throttle_trusts_the_store_where_it_answers() {
        let counts = LocalCounts::new();
        counts.fail(KEY, Some(7));
        assert_eq!(counts.count(KEY, None).failures, 7);
        // Another instance has seen the right password.
        assert_eq!(counts.count(KEY, Some(Count::default())), Count::default());
        assert_eq!(counts.count(KEY, None), Count::default());
    }
}
