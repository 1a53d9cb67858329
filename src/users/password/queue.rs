//! The queue of the hashing threads: one lane for the passwords of sign-ins and one for new passwords, which take turns, and in
//! each lane the clients take turns.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    fair_queue::{FairQueue, Place},
    hasher::Hasher,
};
use crate::security::Network;

/// Most jobs that wait in a lane.
const LANE_CAPACITY: usize = 256;

/// Work for a hashing thread.
pub(super) type Job = Box<dyn FnOnce(&mut Hasher) + Send>;

/// What a hashing thread is to do.
pub(super) enum Next {
    /// This work.
    Job(Job),
    /// Nothing: there was none for a while.
    Idle,
    /// To end.
    Closed,
}

/// What a password is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// It is checked: a sign-in, or the password once more.
    Check,
    /// It is new: judged and hashed.
    New,
}

/// The jobs that wait.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// The client of a job; `None`: this program itself.
type Source = Option<Network>;

struct Waiting {
    check: FairQueue<Source, Job>,
    new: FairQueue<Source, Job>,
    /// The lane whose turn it is, if it has a job.
    turn: Lane,
    closed: bool,
}

/// A job that waits. Dropping it withdraws the job.
pub(super) struct Ticket<'a> {
    queue: &'a Queue,
    lane: Lane,
    place: Place,
}

impl Queue {
    /// An empty queue.
    pub(super) fn new() -> Arc<Self> {
        let waiting = Waiting {
            check: FairQueue::new(LANE_CAPACITY),
            new: FairQueue::new(LANE_CAPACITY),
            turn: Lane::Check,
            closed: false,
        };
        Arc::new(Self { waiting: Mutex::new(waiting), changed: Condvar::new() })
    }

    /// Adds a job; `None`: the lane is full, and no client has more jobs in it than this one. A job that makes way for another
    /// client's is dropped.
    pub(super) fn push(&self, lane: Lane, source: Source, job: Job) -> Option<Ticket<'_>> {
        let place = self.lock().lane(lane).push(source, job)?;
        self.changed.notify_one();
        Some(Ticket { queue: self, lane, place })
    }

    /// Waits for the next job, at most for as long as `patience` says.
    pub(super) fn next(&self, patience: Option<Duration>) -> Next {
        let is_idle = |waiting: &mut Waiting| !waiting.closed && waiting.is_empty();
        let waiting = self.lock();
        let mut waiting = match patience {
            Some(patience) => {
                let waited = self.changed.wait_timeout_while(waiting, patience, is_idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait_while(waiting, is_idle).unwrap_or_else(PoisonError::into_inner),
        };
        if waiting.closed {
            return Next::Closed;
        }
        waiting.next().map_or(Next::Idle, Next::Job)
    }

    /// How many jobs wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Ends the threads that wait for jobs.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn lane(&mut self, lane: Lane) -> &mut FairQueue<Source, Job> {
        match lane {
            Lane::Check => &mut self.check,
            Lane::New => &mut self.new,
        }
    }

    fn len(&self) -> usize {
        self.check.len() + self.new.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn next(&mut self) -> Option<Job> {
        let first = self.turn;
        for lane in [first, first.other()] {
            if let Some(job) = self.lane(lane).pop() {
                self.turn = lane.other();
                return Some(job);
            }
        }
        None
    }
}

impl Lane {
    fn other(self) -> Self {
        match self {
            Self::Check => Self::New,
            Self::New => Self::Check,
        }
    }
}

impl Ticket<'_> {
    /// Takes the job back; `false`: it waits no more.
    pub(super) fn withdraw(&self) -> bool {
        self.queue.lock().lane(self.lane).remove(self.place).is_some()
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.withdraw();
    }
}
