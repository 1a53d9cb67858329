//! Publishes what happens to sessions, to the open streams of this instance and to all other instances.
//!
//! Messages are hints: the catalogue decides, and the periodic check in `upkeep::recheck` finds within seconds what a lost
//! message would have said.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, broadcast, mpsc, watch};

use super::{
    end_message::EndMessage,
    message::Message,
    registry::{Registry, SessionStatus},
    subscription::Subscription,
};
use crate::sessions::catalogue::end::Ended;

/// Messages that a slow stream may lag behind; then it receives an error that says so.
const CHANNEL_CAPACITY: usize = 256;
/// Session ids in one message.
const MESSAGE_IDS: usize = 1_000;
/// Messages that wait for the link to the other instances; more are dropped.
const OUTBOUND_CAPACITY: usize = 1_024;
/// An administrator whose rights were last checked longer ago gets no more events.
const MAX_STALENESS: Duration = Duration::from_secs(15);
/// Streams that one session may have open on this instance.
const MAX_STREAMS: usize = 40;

/// Where messages are published and received; cheap to clone.
#[derive(Clone)]
pub struct EventBus {
    shared: Arc<Shared>,
}

struct Shared {
    messages: broadcast::Sender<Arc<Message>>,
    registry: Arc<Mutex<Registry>>,
    /// To the other instances, where there may be some.
    outbound: Option<mpsc::Sender<Message>>,
    /// A message to the other instances was dropped, and they do not know it yet.
    dropped: AtomicBool,
    /// Wakes the check of all subscribed sessions.
    recheck: Notify,
    /// Whether messages of the other instances arrive.
    linked: watch::Sender<bool>,
    /// Whether the server is stopping.
    stopping: watch::Sender<bool>,
}

impl EventBus {
    /// An event bus without streams. `has_peers`: other instances may run; the receiver gets the messages for them.
    pub fn new(has_peers: bool) -> (Self, Option<mpsc::Receiver<Message>>) {
        let (outbound, receiver) = if has_peers {
            let (sender, receiver) = mpsc::channel(OUTBOUND_CAPACITY);
            (Some(sender), Some(receiver))
        } else {
            (None, None)
        };
        let shared = Shared {
            messages: broadcast::Sender::new(CHANNEL_CAPACITY),
            registry: Arc::default(),
            outbound,
            dropped: AtomicBool::new(false),
            recheck: Notify::new(),
            linked: watch::Sender::new(!has_peers),
            stopping: watch::Sender::new(false),
        };
        (Self { shared: Arc::new(shared) }, receiver)
    }

    /// Publishes that a session of this user started.
    pub fn started(&self, id: &str, user: i64) {
        self.publish(Message::Started { ids: vec![id.to_owned()], users: vec![user] });
    }

    /// Publishes that sessions ended; their end must be committed.
    pub fn ended(&self, ended: &[Ended]) {
        let said = |end: &Ended| (end.reason, end.message.clone(), end.note.clone(), end.by);
        let same = |a: &Ended, b: &Ended| said(a) == said(b);
        for alike in ended.chunk_by(same) {
            for chunk in alike.chunks(MESSAGE_IDS) {
                self.publish(Message::Ended {
                    ids: chunk.iter().map(|session| session.id.clone()).collect(),
                    users: distinct(chunk.iter().map(|session| session.user_id)),
                    reason: chunk[0].reason,
                    message: chunk[0].message.clone(),
                    note: chunk[0].note.clone(),
                    by: chunk[0].by,
                });
            }
        }
    }

    /// Publishes that sessions were used; of very many only the first ids are sent.
    pub fn seen(&self, mut ids: Vec<String>) {
        ids.truncate(MESSAGE_IDS);
        self.publish(Message::Seen { ids });
    }

    /// Publishes that a role was changed or an account was deactivated.
    pub fn accounts_changed(&self) {
        self.publish(Message::AccountsChanged);
    }

    /// Publishes to this instance and to the others; never waits.
    fn publish(&self, message: Message) {
        if let Some(outbound) = &self.shared.outbound
            && outbound.try_send(message.clone()).is_err()
        {
            self.shared.dropped.store(true, Ordering::Relaxed);
        }
        self.publish_here(message);
    }

    /// Whether a message to the other instances was dropped since the last call.
    pub(super) fn has_dropped(&self) -> bool {
        self.shared.dropped.swap(false, Ordering::Relaxed)
    }

    /// Publishes to the streams of this instance.
    pub(super) fn publish_here(&self, message: Message) {
        match &message {
            Message::Ended { ids, users, reason, message, .. } => {
                self.set_ended(ids, &EndMessage { reason: *reason, text: message.clone() });
                self.registry().add_list_change(|user| users.contains(&user));
            }
            Message::Started { users, .. } => self.registry().add_list_change(|user| users.contains(&user)),
            Message::AccountsChanged => self.shared.recheck.notify_one(),
            Message::Missed => {
                self.registry().add_list_change(|_| true);
                self.shared.recheck.notify_one();
            }
            Message::Seen { .. } | Message::Heartbeat => {}
        }
        // An error only says that no stream is open.
        drop(self.shared.messages.send(Arc::new(message)));
    }

    fn set_ended(&self, ids: &[String], message: &EndMessage) {
        let registry = self.registry();
        for sender in ids.iter().filter_map(|id| registry.subscribed.get(id)) {
            sender.send_modify(|status| status.ended = Some(message.clone()));
        }
    }

    /// Records whether messages of the other instances arrive.
    pub(super) fn set_linked(&self, linked: bool) {
        self.shared.linked.send_if_modified(|now| std::mem::replace(now, linked) != linked);
    }

    /// Whether messages of the other instances arrive, and each change of that.
    pub fn linked(&self) -> watch::Receiver<bool> {
        self.shared.linked.subscribe()
    }

    /// All messages from now on.
    pub fn messages(&self) -> broadcast::Receiver<Arc<Message>> {
        self.shared.messages.subscribe()
    }

    /// Subscribes a stream to its session's status. When a session has too many streams, the oldest must close: streams
    /// that no client reads any more show themselves only when something is written to them.
    pub fn subscribe(&self, session_id: &str, user_id: i64, is_admin: bool) -> Subscription {
        let mut registry = self.registry();
        let (stopping, number) = (*self.shared.stopping.borrow(), registry.opened);
        registry.opened += 1;
        let initial =
            || watch::Sender::new(SessionStatus { user_id, is_admin, stopping, ..SessionStatus::default() });
        let sender = registry.subscribed.entry(session_id.to_owned()).or_insert_with(initial);
        sender.send_modify(|status| {
            status.streams.push_back(number);
            if status.streams.len() > MAX_STREAMS {
                status.streams.pop_front();
            }
        });
        let status = Some(sender.subscribe());
        Subscription {
            session_id: session_id.to_owned(),
            number,
            status,
            registry: Arc::clone(&self.shared.registry),
        }
    }

    /// How many streams are open.
    pub(in crate::sessions) fn open_streams(&self) -> usize {
        self.registry().subscribed.values().map(watch::Sender::receiver_count).sum()
    }

    /// The public ids of all sessions with an open stream.
    pub(in crate::sessions) fn subscribed(&self) -> Vec<String> {
        self.registry().subscribed.keys().cloned().collect()
    }

    /// Corrects a subscribed session's status to what the catalogue says. An end that is known is never taken back.
    pub(in crate::sessions) fn correct(&self, id: &str, is_admin: bool, ended: Option<EndMessage>) {
        if let Some(sender) = self.registry().subscribed.get(id) {
            sender.send_if_modified(|status| {
                let ended = status.ended.clone().or(ended);
                let differs = (status.is_admin, &status.ended) != (is_admin, &ended);
                (status.is_admin, status.ended) = (is_admin, ended);
                differs
            });
        }
    }

    /// Records that all subscribed sessions were checked, by a check that began at that time.
    pub(in crate::sessions) fn set_checked(&self, began: Instant) {
        self.registry().checked_at = began;
    }

    /// Whether the rights of subscribed administrators were checked recently.
    pub fn is_fresh(&self) -> bool {
        self.registry().checked_at.elapsed() < MAX_STALENESS
    }

    /// Waits until the subscribed sessions must be checked at once.
    pub(in crate::sessions) async fn recheck_requested(&self) {
        self.shared.recheck.notified().await;
    }

    /// Closes all streams, and those that are opened later.
    pub fn stop(&self) {
        let registry = self.registry();
        self.shared.stopping.send_replace(true);
        for sender in registry.subscribed.values() {
            sender.send_modify(|status| status.stopping = true);
        }
    }

    /// Whether the server is stopping: a stream that is no session's has to close then.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.shared.stopping.subscribe()
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn distinct(ids: impl Iterator<Item = i64>) -> Vec<i64> {
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::catalogue::end_reason::EndReason;

    fn ended(id: &str, reason: EndReason) -> Ended {
        Ended { id: id.to_owned(), user_id: 1, store_key: None, reason, message: None, note: None, by: None }
    }

    #[tokio::test]
    async fn subscribers_receive_the_end_and_are_removed_when_dropped() {
        let (live, _) = EventBus::new(false);
        let (mut one, mut other) = (live.subscribe("a", 1, false), live.subscribe("a", 1, false));
        let mut messages = live.messages();
        live.ended(&[
            ended("a", EndReason::Limit),
            ended("b", EndReason::Limit),
            ended("c", EndReason::Idle),
        ]);
        for subscription in [&mut one, &mut other] {
            assert_eq!(
                subscription.wait_for(|now| now.ended.is_some()).await.ended.unwrap().reason,
                EndReason::Limit
            );
        }
        let ids = |message: &Message| match message {
            Message::Ended { ids, .. } => ids.clone(),
            _ => Vec::new(),
        };
        assert_eq!(
            ids(&messages.try_recv().unwrap()),
            ["a", "b"],
            "ends with the same reason are one message"
        );
        assert_eq!(ids(&messages.try_recv().unwrap()), ["c"]);
        drop(one);
        assert_eq!(live.subscribed(), ["a"]);
        drop(other);
        assert_eq!(live.subscribed(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn ends_are_batched_and_slow_receivers_lag() {
        let (live, mut outbound) = EventBus::new(true);
        let mut messages = live.messages();
        let many: Vec<Ended> = (0..2_500).map(|number| ended(&number.to_string(), EndReason::Idle)).collect();
        live.ended(&many);
        let mut sent = 0;
        while outbound.as_mut().unwrap().try_recv().is_ok() {
            sent += 1;
        }
        assert_eq!((sent, live.has_dropped()), (3, false));
        for _ in 0..2 * OUTBOUND_CAPACITY {
            live.started("a", 1);
        }
        assert!(matches!(messages.try_recv(), Err(broadcast::error::TryRecvError::Lagged(_))));
        assert_eq!((live.has_dropped(), live.has_dropped()), (true, false), "a drop is reported once");
    }

    #[tokio::test]
    async fn list_changes_are_counted_for_their_user_only() {
        let (live, _) = EventBus::new(false);
        let (mut one, mut other) = (live.subscribe("a", 1, false), live.subscribe("b", 2, false));
        live.started("c", 1);
        live.ended(&[ended("c", EndReason::Idle)]);
        assert_eq!(one.wait_for(|_| true).await.list_changes, 2);
        assert_eq!(other.wait_for(|_| true).await.list_changes, 0);
        live.publish_here(Message::Missed);
        assert_eq!(other.wait_for(|_| true).await.list_changes, 1);
    }

    #[tokio::test]
    async fn stop_closes_open_and_later_streams() {
        let (live, _) = EventBus::new(false);
        let mut before = live.subscribe("a", 1, false);
        live.stop();
        let mut after = live.subscribe("b", 1, false);
        for subscription in [&mut before, &mut after] {
            subscription.wait_for(|now| now.stopping).await;
        }
    }

    #[tokio::test]
    async fn streams_over_the_limit_close_the_oldest() {
        let (live, _) = EventBus::new(false);
        let mut streams: Vec<_> = (0..MAX_STREAMS).map(|_| live.subscribe("a", 1, false)).collect();
        drop(streams.pop());
        let mut newest = live.subscribe("a", 1, false);
        let all_stay = async { tokio::join!(streams[0].wait_for(|_| false), newest.wait_for(|_| false)) };
        assert!(tokio::time::timeout(Duration::ZERO, all_stay).await.is_err(), "the limit is not exceeded");
        let _one_more = live.subscribe("a", 1, false);
        streams[0].wait_for(|_| false).await;
        assert!(tokio::time::timeout(Duration::ZERO, newest.wait_for(|_| false)).await.is_err());
    }
}
