//! What happens to sessions, told at once to whoever listens: streams of administrators and open pages on this
//! instance, and through Redis all other instances. Messages are hints: the catalogue decides, and what a lost
//! message would have said is found by the check of `watched` within seconds.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, broadcast, mpsc, watch::Sender};

use super::end_message::Farewell;
use super::message::Message;
use super::subscription::{Standing, Watch};
use crate::sessions::catalogue::rows::Ended;

/// Messages that a slow listener may be behind; then it is told that it missed some.
const BEHIND: usize = 256;
/// Session ids in one message.
const IDS: usize = 1_000;
/// Messages that wait for the link to the other instances; more are dropped.
const OUTBOUND: usize = 1_024;
/// An administrator whose rights were last confirmed longer ago is shown nothing more.
const TRUST: Duration = Duration::from_secs(15);
/// Streams that one session may have open on this instance.
const STREAMS: usize = 40;

/// The place where messages come in and go out; cheap to clone.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    messages: broadcast::Sender<Arc<Message>>,
    room: Mutex<Room>,
    /// To the other instances, where there may be some.
    outbound: Option<mpsc::Sender<Message>>,
    /// A message to the other instances was dropped, and they don't know.
    dropped: AtomicBool,
    /// Wakes the check.
    look_again: Notify,
}

/// The sessions that somebody listens for.
pub(super) struct Room {
    pub(super) watched: HashMap<String, Sender<Standing>>,
    /// Streams so far.
    opened: u64,
    /// When all of them were last found as they are.
    confirmed: Instant,
    stopping: bool,
}

impl Hub {
    /// Nobody listens yet. The receiver gets what other instances are to be told.
    pub fn new(shared: bool) -> (Self, Option<mpsc::Receiver<Message>>) {
        let (outbound, waiting) = if shared { Some(mpsc::channel(OUTBOUND)) } else { None }
            .map_or((None, None), |(tx, rx)| (Some(tx), Some(rx)));
        let room = Room { watched: HashMap::new(), opened: 0, confirmed: Instant::now(), stopping: false };
        let shared = Shared {
            messages: broadcast::Sender::new(BEHIND),
            room: Mutex::new(room),
            outbound,
            dropped: AtomicBool::new(false),
            look_again: Notify::new(),
        };
        (Self { shared: Arc::new(shared) }, waiting)
    }

    /// A session started.
    pub fn started(&self, id: &str) {
        self.tell(Message::Started { ids: vec![id.to_owned()] });
    }

    /// Sessions ended, and that was committed.
    pub fn ended(&self, ended: &[Ended]) {
        let same = |a: &Ended, b: &Ended| (&a.reason, &a.note, a.by) == (&b.reason, &b.note, b.by);
        for alike in ended.chunk_by(same) {
            for some in alike.chunks(IDS) {
                self.tell(Message::Ended {
                    ids: some.iter().map(|session| session.id.clone()).collect(),
                    reason: some[0].reason.clone().unwrap_or_default(),
                    note: some[0].note.clone(),
                    by: some[0].by,
                });
            }
        }
    }

    /// Sessions were used; of very many only some are told.
    pub fn seen(&self, mut ids: Vec<String>) {
        ids.truncate(IDS);
        self.tell(Message::Seen { ids });
    }

    /// A role was changed, or an account was deactivated.
    pub fn accounts_changed(&self) {
        self.tell(Message::AccountsChanged);
    }

    /// Tells everybody, here and elsewhere, and waits for nobody.
    fn tell(&self, message: Message) {
        if let Some(outbound) = &self.shared.outbound
            && outbound.try_send(message.clone()).is_err()
        {
            self.shared.dropped.store(true, Ordering::Relaxed);
        }
        self.take_in(message);
    }

    /// Whether a message to the other instances was dropped since this was last asked.
    pub(crate) fn has_dropped(&self) -> bool {
        self.shared.dropped.swap(false, Ordering::Relaxed)
    }

    /// Tells everybody here.
    pub(crate) fn take_in(&self, message: Message) {
        match &message {
            Message::Ended { ids, reason, note, .. } => self.bid_farewell(ids, reason, note.as_deref()),
            Message::AccountsChanged | Message::Missed => self.shared.look_again.notify_one(),
            Message::Started { .. } | Message::Seen { .. } | Message::Beat => {}
        }
        // Without a listener there is nobody to tell.
        drop(self.shared.messages.send(Arc::new(message)));
    }

    fn bid_farewell(&self, ids: &[String], reason: &str, note: Option<&str>) {
        let room = self.room();
        for standing in ids.iter().filter_map(|id| room.watched.get(id)) {
            standing.send_modify(|standing| standing.ended = Some(Farewell::new(reason, note)));
        }
    }

    /// All messages from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Message>> {
        self.shared.messages.subscribe()
    }

    /// Watches over a session. Of very many streams of one session the oldest end: nobody reads those, which only
    /// shows when something is written to them.
    pub fn watch(&self, id: &str, is_admin: bool) -> Watch {
        let mut room = self.room();
        let (stopping, number) = (room.stopping, room.opened);
        room.opened += 1;
        let fresh = || Standing { is_admin, stopping, ..Standing::default() };
        let sender = room.watched.entry(id.to_owned()).or_insert_with(|| Sender::new(fresh()));
        sender.send_modify(|standing| {
            standing.streams.push_back(number);
            if standing.streams.len() > STREAMS {
                standing.streams.pop_front();
            }
        });
        Watch { id: id.to_owned(), number, standing: Some(sender.subscribe()), hub: self.clone() }
    }

    /// The sessions that somebody listens for.
    pub(crate) fn watched(&self) -> Vec<String> {
        self.room().watched.keys().cloned().collect()
    }

    /// What the catalogue says of a session that somebody listens for.
    pub(crate) fn put_right(&self, id: &str, is_admin: bool, ended: Option<Farewell>) {
        if let Some(standing) = self.room().watched.get(id) {
            standing.send_if_modified(|standing| {
                let ended = standing.ended.clone().or(ended);
                let wrong = (standing.is_admin, &standing.ended) != (is_admin, &ended);
                (standing.is_admin, standing.ended) = (is_admin, ended);
                wrong
            });
        }
    }

    /// All watched sessions were looked at, beginning at that time.
    pub(crate) fn confirm(&self, began: Instant) {
        self.room().confirmed = began;
    }

    /// Whether administrators were found to be some recently.
    pub fn is_confirmed(&self) -> bool {
        self.room().confirmed.elapsed() < TRUST
    }

    /// Waits until there is a reason to look at once.
    pub(crate) async fn look_again(&self) {
        self.shared.look_again.notified().await;
    }

    /// Ends all streams, and those that are opened later.
    pub fn stop(&self) {
        let mut room = self.room();
        room.stopping = true;
        for standing in room.watched.values() {
            standing.send_modify(|standing| standing.stopping = true);
        }
    }

    pub(super) fn room(&self) -> MutexGuard<'_, Room> {
        self.shared.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(id: &str, reason: &str) -> Ended {
        Ended {
            id: id.to_owned(),
            user_id: 1,
            store_key: None,
            reason: Some(reason.to_owned()),
            note: None,
            by: None,
        }
    }

    #[tokio::test]
    async fn whoever_watches_hears_of_the_end_and_leaves_nothing_behind() {
        let (live, _) = Hub::new(false);
        let (mut one, mut other) = (live.watch("a", false), live.watch("a", false));
        let mut messages = live.listen();
        live.ended(&[ended("a", "limit"), ended("b", "limit"), ended("c", "idle")]);
        for watch in [&mut one, &mut other] {
            assert_eq!(watch.until(|now| now.ended.is_some()).await.ended.unwrap().reason, "limit");
        }
        let ids = |message: &Message| match message {
            Message::Ended { ids, .. } => ids.clone(),
            _ => Vec::new(),
        };
        assert_eq!(ids(&messages.try_recv().unwrap()), ["a", "b"], "those with one reason are one message");
        assert_eq!(ids(&messages.try_recv().unwrap()), ["c"]);
        drop(one);
        assert_eq!(live.watched(), ["a"]);
        drop(other);
        assert_eq!(live.watched(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn many_ends_are_few_messages_and_a_slow_listener_takes_no_memory() {
        let (live, mut outbound) = Hub::new(true);
        let mut messages = live.listen();
        let many: Vec<Ended> = (0..2_500).map(|number| ended(&number.to_string(), "idle")).collect();
        live.ended(&many);
        let mut told = 0;
        while outbound.as_mut().unwrap().try_recv().is_ok() {
            told += 1;
        }
        assert_eq!((told, live.has_dropped()), (3, false));
        for _ in 0..2 * OUTBOUND {
            live.started("a");
        }
        assert!(matches!(messages.try_recv(), Err(broadcast::error::TryRecvError::Lagged(_))));
        assert_eq!((live.has_dropped(), live.has_dropped()), (true, false), "the others are told that once");
    }

    #[tokio::test]
    async fn a_server_that_stops_ends_the_streams_of_now_and_later() {
        let (live, _) = Hub::new(false);
        let mut before = live.watch("a", false);
        live.stop();
        let mut after = live.watch("b", false);
        for watch in [&mut before, &mut after] {
            watch.until(|now| now.stopping).await;
        }
    }

    #[tokio::test]
    async fn of_too_many_streams_the_oldest_end() {
        let (live, _) = Hub::new(false);
        let mut streams: Vec<_> = (0..STREAMS).map(|_| live.watch("a", false)).collect();
        drop(streams.pop());
        let mut newest = live.watch("a", false);
        let all_stay = async { tokio::join!(streams[0].until(|_| false), newest.until(|_| false)) };
        assert!(tokio::time::timeout(Duration::ZERO, all_stay).await.is_err(), "as many as there may be");
        let _one_more = live.watch("a", false);
        streams[0].until(|_| false).await;
        assert!(tokio::time::timeout(Duration::ZERO, newest.until(|_| false)).await.is_err());
    }
}
