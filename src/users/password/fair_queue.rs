//! A bounded queue that is fair to clients: each has a line of its own, and the lines take turns. However many items one client
//! adds, another one's first item waits for one item of each client.

use std::collections::VecDeque;

/// An item's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u64);

/// The lines of all clients that have items waiting, in the order of their turns.
pub(super) struct FairQueue<C, T> {
    lines: VecDeque<Line<C, T>>,
    /// All items in all lines.
    length: usize,
    capacity: usize,
    next_place: u64,
}

struct Line<C, T> {
    client: C,
    items: VecDeque<(Place, T)>,
}

impl<C: PartialEq, T> FairQueue<C, T> {
    /// An empty queue for so many items.
    pub(super) fn new(capacity: usize) -> Self {
        Self { lines: VecDeque::new(), length: 0, capacity, next_place: 0 }
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Adds an item at the end of the client's line. In a full queue the last item of the longest line makes way for it and is
    /// dropped; `None`: that line would be the client's own, or not longer than it.
    pub(super) fn push(&mut self, client: C, item: T) -> Option<Place> {
        let own = self.lines.iter().find(|line| line.client == client).map_or(0, |line| line.items.len());
        if self.length >= self.capacity && !self.shorten_longest(own + 1) {
            return None;
        }
        let place = Place(self.next_place);
        self.next_place += 1;
        self.length += 1;
        match self.lines.iter_mut().find(|line| line.client == client) {
            Some(line) => line.items.push_back((place, item)),
            None => self.lines.push_back(Line { client, items: VecDeque::from([(place, item)]) }),
        }
        Some(place)
    }

    /// The next item; its client's next turn comes after all others.
    pub(super) fn pop(&mut self) -> Option<T> {
        let mut line = self.lines.pop_front()?;
        let item = line.items.pop_front();
        if !line.items.is_empty() {
            self.lines.push_back(line);
        }
        self.length -= usize::from(item.is_some());
        item.map(|(_, item)| item)
    }

    /// Takes an item out, if it still waits.
    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        for at in 0..self.lines.len() {
            let line = &mut self.lines[at];
            let Some(found) = line.items.iter().position(|(known, _)| *known == place) else { continue };
            let item = line.items.remove(found);
            if line.items.is_empty() {
                self.lines.remove(at);
            }
            self.length -= 1;
            return item.map(|(_, item)| item);
        }
        None
    }

    /// Drops the last item of the longest line, if that has more than `least` items.
    fn shorten_longest(&mut self, least: usize) -> bool {
        let longest = self.lines.iter_mut().max_by_key(|line| line.items.len());
        let shortened = longest
            .filter(|line| line.items.len() > least)
            .is_some_and(|line| line.items.pop_back().is_some());
        self.length -= usize::from(shortened);
        shortened
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn queue_full_of_one_client_takes_items_of_others() {
        let mut queue = FairQueue::new(4);
        let places: Vec<_> = (0..5).map(|item| queue.push('a', item)).collect();
        assert!(places[3].is_some() && places[4].is_none(), "{places:?}");
        assert!(queue.push('b', 10).is_some() && queue.push('c', 20).is_some());
        assert_eq!(queue.push('b', 11), None, "the lines are even");
        assert_eq!(queue.remove(places[0].unwrap()), Some(0));
        assert_eq!(queue.remove(places[0].unwrap()), None);
        assert_eq!(std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>(), [1, 10, 20]);
    }

    proptest! {
        /// However many items others have, an item is taken after at most one of each client for each item before it in its line.
        #[test]
        fn queue_turns_are_fair(
            others in proptest::collection::vec(0..6_u8, 0..200),
            later in proptest::collection::vec(0..6_u8, 0..200),
            own in 1..5_usize,
        ) {
            const ME: u8 = 99;
            let mut queue = FairQueue::new(1_000);
            for client in others {
                prop_assert!(queue.push(client, client).is_some());
            }
            for _ in 0..own {
                prop_assert!(queue.push(ME, ME).is_some());
            }
            for client in later {
                prop_assert!(queue.push(client, client).is_some());
            }
            let order: Vec<u8> = std::iter::from_fn(|| queue.pop()).collect();
            let mut before: BTreeMap<u8, usize> = BTreeMap::new();
            let mut taken = 0;
            for client in order {
                if client == ME {
                    taken += 1;
                    prop_assert!(before.values().all(|count| *count <= taken), "{:?} before item {}", before, taken);
                }
                *before.entry(client).or_default() += 1;
            }
            prop_assert_eq!(taken, own);
        }

        #[test]
        fn queue_never_exceeds_capacity(pushes in proptest::collection::vec((0..5_u8, any::<bool>()), 0..300)) {
            let mut queue = FairQueue::new(16);
            let mut last = None;
            for (client, removes) in pushes {
                let place = queue.push(client, ());
                if removes && let Some(place) = last {
                    queue.remove(place);
                }
                last = place;
                let held: usize = queue.lines.iter().map(|line| line.items.len()).sum();
                prop_assert!(held <= 16 && held == queue.length);
                prop_assert!(queue.lines.iter().all(|line| !line.items.is_empty()));
            }
            let held = queue.length;
            prop_assert_eq!(std::iter::from_fn(|| queue.pop()).count(), held);
        }
    }
}
