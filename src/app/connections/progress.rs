//! How far a connection is with its requests: what the guard of the application tells the stream below it.

use std::{
    cell::{Cell, RefCell},
    error::Error as StdError,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING},
    web::Bytes,
};

use crate::security::bodies;

/// Most bytes of a body that comes in chunks, with what the chunks take themselves.
const MAX_CHUNKED: usize = 2 * bodies::MAX_BYTES;

/// What the next bytes of a connection belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No request is being answered: they are the head of the next one, or a body that nobody reads.
    Head,
    /// A request is being answered: as many as stand here may be its body, the others are of the next request.
    Request(Body),
}

/// How much of a body is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Sized(usize),
    /// Chunks of at most so many bytes.
    Chunked(usize),
}

impl Body {
    fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(TRANSFER_ENCODING) {
            return Self::Chunked(MAX_CHUNKED);
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self::Sized(length.unwrap_or(0))
    }

    pub(super) fn left(self) -> usize {
        match self {
            Self::Sized(left) | Self::Chunked(left) => left,
        }
    }
}

/// The progress of one connection, shared by its stream and the guard, which run in one task.
pub(in crate::app) struct Progress {
    phase: Cell<Phase>,
    turn: Cell<u64>,
    body_unread: Cell<bool>,
    ends_with_blank_line: Cell<bool>,
    parked: RefCell<Option<Waker>>,
}

impl Progress {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Head),
            turn: Cell::new(0),
            body_unread: Cell::new(false),
            ends_with_blank_line: Cell::new(false),
            parked: RefCell::new(None),
        })
    }

    /// Notes that the answer to a request begins to be made. It lasts until what is returned is dropped.
    pub(in crate::app) fn begin(self: &Rc<Self>, headers: &HeaderMap) -> Underway {
        self.phase.set(Phase::Request(Body::of(headers)));
        self.turn.set(self.turn.get() + 1);
        Underway(Rc::clone(self))
    }

    fn end(&self) {
        if let Phase::Request(body) = self.phase.replace(Phase::Head) {
            self.body_unread.set(body.left() > 0);
        }
        self.turn.set(self.turn.get() + 1);
        self.unpark();
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// A number that changes with each beginning and end of a request; 0 before the first.
    pub(super) fn turn(&self) -> u64 {
        self.turn.get()
    }

    /// Whether the last request was answered before its body had come.
    pub(super) fn is_body_unread(&self) -> bool {
        self.body_unread.get()
    }

    /// Whether an answer of the application could be taken for one of the HTTP parser.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.ends_with_blank_line.get()
    }

    /// Notes bytes of a body that went on to the application.
    pub(super) fn took(&self, count: usize) {
        let left = |body: Body| body.left().saturating_sub(count);
        self.phase.set(match self.phase.get() {
            Phase::Head => Phase::Head,
            Phase::Request(body @ Body::Sized(_)) => Phase::Request(Body::Sized(left(body))),
            Phase::Request(body @ Body::Chunked(_)) => Phase::Request(Body::Chunked(left(body))),
        });
    }

    /// Lets the task run again as soon as more may be read.
    pub(super) fn park(&self, cx: &Context<'_>) {
        *self.parked.borrow_mut() = Some(cx.waker().clone());
    }

    /// Runs the task of a read that was parked.
    pub(super) fn unpark(&self) {
        if let Some(waker) = self.parked.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// A request that is being answered.
pub(in crate::app) struct Underway(Rc<Progress>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of an answer. The request has been answered once it is dropped.
pub(in crate::app) struct Answer {
    body: BoxBody,
    underway: Option<Underway>,
}

impl Answer {
    pub(in crate::app) fn new(body: BoxBody, underway: Option<Underway>) -> Self {
        Self { body, underway }
    }
}

impl MessageBody for Answer {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = Pin::new(&mut self.body).poll_next(cx);
        if let (Poll::Ready(Some(Ok(bytes))), Some(underway)) = (&next, &self.underway)
            && bytes.ends_with(b"\r\n\r\n")
        {
            underway.0.ends_with_blank_line.set(true);
        }
        next
    }
}
