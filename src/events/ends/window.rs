//! Which ends of sessions a reader of the log has been told, and up to which event the log is complete.
//!
//! An event gets its number before its transaction commits, so one with a lower number may be seen after one with a higher. An end is
//! therefore not missed only if the reader goes back to where the log is known to be complete: where each transaction that could
//! still add something has ended.

use std::collections::BTreeSet;

/// Ends that a window holds. A transaction that doesn't end, of whatever program, keeps the log incomplete.
const MAX_TOLD: usize = 50_000;

/// What one reader has been told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Nothing up to this event can appear any more, and all of it has been told.
    settled: i64,
    /// The newest event that was looked at.
    newest: i64,
    /// Those that were told of the events after `settled`.
    told: BTreeSet<i64>,
    proof: Option<Proof>,
}

/// What has to be so before the log is complete up to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Proof {
    up_to: i64,
    /// All transactions with a lower number have ended. Those that have written events up to `up_to` have such numbers.
    ended_below: i64,
}

impl Window {
    /// A reader that knows everything up to `settled`, of the events up to `newest` those that are `told`.
    pub(super) fn new(settled: i64, newest: i64, told: impl IntoIterator<Item = i64>) -> Self {
        Self { settled, newest, told: told.into_iter().collect(), proof: None }
    }

    /// Where a reader begins that was told of this one's events, the last of them `told`.
    pub(super) fn settled(&self) -> i64 {
        self.settled
    }

    /// The newest event that was looked at.
    pub(super) fn newest(&self) -> i64 {
        self.newest
    }

    /// Whether events may appear that are older than the newest.
    pub(super) fn is_open(&self) -> bool {
        self.settled < self.newest
    }

    /// Whether a proof is needed that nothing older than the newest event can appear.
    pub(super) fn needs_proof(&self) -> bool {
        self.is_open() && self.proof.is_none()
    }

    /// Begins a proof. `next_transaction`: a number that no transaction had when the newest event was looked at.
    pub(super) fn begin_proof(&mut self, next_transaction: i64) {
        self.proof = Some(Proof { up_to: self.newest, ended_below: next_transaction });
    }

    /// Of these events those that were not told before; they count as told.
    pub(super) fn tell(&mut self, events: impl IntoIterator<Item = i64>) -> BTreeSet<i64> {
        let mut untold = BTreeSet::new();
        for id in events {
            self.newest = self.newest.max(id);
            if id > self.settled && self.told.insert(id) {
                untold.insert(id);
            }
        }
        untold
    }

    /// Ends the proof, if all transactions below `oldest_running` had ended before the events were last looked at.
    pub(super) fn end_proof(&mut self, oldest_running: i64) {
        if let Some(proof) = self.proof.take_if(|proof| proof.ended_below <= oldest_running) {
            self.settle(proof.up_to);
        }
    }

    /// Gives up on what may still appear when the window holds too much. Returns whether it did.
    pub(super) fn give_up_if_full(&mut self) -> bool {
        let is_full = self.told.len() > MAX_TOLD;
        if is_full {
            self.proof = None;
            self.settle(self.newest);
        }
        is_full
    }

    fn settle(&mut self, up_to: i64) {
        self.settled = up_to;
        self.told = self.told.split_off(&(up_to + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A log as the database has it: transactions run at once, and each event is seen once its own has ended.
    #[derive(Default)]
    struct Log {
        transactions: i64,
        events: i64,
        running: BTreeMap<i64, Vec<i64>>,
        visible: BTreeSet<i64>,
    }

    impl Log {
        fn begin(&mut self) -> i64 {
            self.transactions += 1;
            self.running.insert(self.transactions, Vec::new());
            self.transactions
        }

        fn write(&mut self, which: usize) {
            self.events += 1;
            let at = which % self.running.len().max(1);
            if let Some(events) = self.running.values_mut().nth(at) {
                events.push(self.events);
            }
        }

        fn end(&mut self, which: usize, commits: bool) {
            let at = which % self.running.len().max(1);
            let Some(id) = self.running.keys().nth(at).copied() else { return };
            let events = self.running.remove(&id).unwrap();
            self.visible.extend(events.into_iter().filter(|_| commits));
        }

        fn oldest_running(&self) -> i64 {
            self.running.keys().next().copied().unwrap_or(self.transactions + 1)
        }

        /// A round of a reader, as `reader.rs` has it. Returns what it is told, each with where it would begin again.
        fn round(&mut self, window: &mut Window, limit: usize) -> Vec<(i64, i64)> {
            let oldest = self.oldest_running();
            let has_proof = window.proof.is_some();
            if window.needs_proof() {
                self.transactions += 1;
                window.begin_proof(self.transactions);
            }
            let (settled, newest) = (window.settled(), window.newest());
            let late =
                self.visible.iter().copied().filter(|id| settled < *id && *id <= newest).collect::<Vec<_>>();
            let new = self.visible.range(newest + 1..).copied().take(limit).collect::<Vec<_>>();
            let late = window.tell(late);
            let new = window.tell(new);
            if has_proof {
                window.end_proof(oldest);
            }
            let settled = if late.is_empty() { window.settled() } else { settled };
            let told = late.into_iter().chain(new);
            told.map(|id| (id, settled)).collect()
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Begin,
        Write(usize),
        End(usize, bool),
        Round,
        /// The connection is lost after that many of the events that were told last.
        Resume(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            2 => Just(Step::Begin),
            4 => any::<usize>().prop_map(Step::Write),
            3 => (any::<usize>(), any::<bool>()).prop_map(|(which, commits)| Step::End(which, commits)),
            4 => Just(Step::Round),
            1 => (0..5_usize).prop_map(Step::Resume),
        ];
        proptest::collection::vec(step, 1..120)
    }

    proptest! {
        #[test]
        fn reader_misses_nothing_whatever_commits_when(steps in steps()) {
            let (mut log, mut window) = (Log::default(), Window::new(0, 0, []));
            let (mut received, mut last) = (BTreeSet::new(), None::<(i64, i64)>);
            let mut times_told = 0;
            let mut resumed = false;
            for step in steps {
                match step {
                    Step::Begin => drop(log.begin()),
                    Step::Write(which) => log.write(which),
                    Step::End(which, commits) => log.end(which, commits),
                    Step::Round => {
                        let told = log.round(&mut window, 3);
                        times_told += told.len();
                        received.extend(told.iter().map(|(id, _)| *id));
                        last = told.last().copied().or(last);
                    }
                    Step::Resume(arrived) => {
                        let told: Vec<_> = log.round(&mut window, 3).into_iter().take(arrived).collect();
                        received.extend(told.iter().map(|(id, _)| *id));
                        last = told.last().copied().or(last);
                        let (id, settled) = last.unwrap_or_default();
                        window = Window::new(settled, settled, last.map(|_| id));
                        resumed = true;
                    }
                }
            }
            while !log.running.is_empty() {
                log.end(0, true);
            }
            for _ in 0..log.visible.len() + 4 {
                let told = log.round(&mut window, 3);
                times_told += told.len();
                received.extend(told.into_iter().map(|(id, _)| id));
            }
            prop_assert_eq!(&received, &log.visible);
            prop_assert!(!window.is_open() && window.told.is_empty(), "the window closes: {:?}", window);
            prop_assert!(resumed || times_told == received.len(), "nothing is told twice");
        }
    }

    #[test]
    fn window_that_a_transaction_keeps_open_is_bounded() {
        let mut window = Window::new(0, 0, []);
        window.begin_proof(2);
        let most = i64::try_from(MAX_TOLD).unwrap();
        assert_eq!(window.tell(1..=most).len(), MAX_TOLD);
        window.end_proof(1);
        assert!(!window.give_up_if_full());
        window.tell([most + 1]);
        assert!(window.give_up_if_full());
        assert_eq!(window, Window::new(most + 1, most + 1, []));
    }
}
