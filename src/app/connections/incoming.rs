//! The bytes that a connection has received and not yet given to the HTTP service.
//!
//! The service decodes all that it was given, however many requests that are, and decodes an incomplete head anew each time that
//! something is added. So it gets the bytes of one request at a time, and of a head that arrives in pieces the first piece and
//! then the rest, or as much of it as may be held.

use actix_web::{http::StatusCode, web::BytesMut};
use tokio::io::ReadBuf;

use super::{blank_line::BlankLine, progress::Body};

/// Most bytes of the head of a request.
const MAX_HEAD: usize = 64 * 1024;

/// Most bytes of a head, or of a body that nobody reads, that are held back.
const MAX_HELD: usize = 16 * 1024;

/// What is held back, and how much of it may go on.
#[derive(Default)]
pub(super) struct Incoming {
    held: BytesMut,
    /// How many of the bytes held may go on.
    free: usize,
    /// How many of the bytes held were searched for the end of a head.
    searched: usize,
    end: BlankLine,
    /// Whether the service has the first piece of a head.
    has_begun: bool,
    /// Whether the service has to decode what it was given before it gets more.
    is_turn_over: bool,
    /// The turn that the next two are of.
    turn: u64,
    received: usize,
    has_line: bool,
}

impl Incoming {
    /// Whether nothing is held.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether something may go on.
    pub(super) fn has_free(&self) -> bool {
        self.free > 0
    }

    /// Whether the service has nothing of the next head.
    pub(super) fn is_at_start(&self) -> bool {
        self.held.is_empty() && !self.has_begun
    }

    /// Whether the service had to decode first; from now on it may get more.
    pub(super) fn begins_turn(&mut self) -> bool {
        std::mem::take(&mut self.is_turn_over)
    }

    /// Begins to count the bytes of a head, unless they are counted in this turn already.
    pub(super) fn count_from(&mut self, turn: u64) {
        if self.turn != turn {
            (self.turn, self.received, self.has_line) = (turn, 0, false);
            (self.end, self.has_begun, self.searched) = (BlankLine::default(), false, 0);
        }
    }

    /// Whether bytes of a head were received in this turn.
    pub(super) fn has_received(&self, turn: u64) -> bool {
        self.turn == turn && self.received > 0
    }

    /// Takes what `buf` has beyond `before`.
    pub(super) fn hold(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        self.count(&buf.filled()[before..]);
        self.held.extend_from_slice(&buf.filled()[before..]);
        buf.set_filled(before);
    }

    /// Takes what `buf` has beyond the end of a head that begins at `before`: mostly nothing, since nearly every head arrives whole
    /// and alone.
    pub(super) fn hold_beyond_head(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let received = &buf.filled()[before..];
        let end = self.end.end_in(received);
        let taken = end.unwrap_or(received.len());
        (self.is_turn_over, self.has_begun) = (end.is_some(), end.is_none());
        self.count(received);
        self.held.extend_from_slice(&received[taken..]);
        buf.set_filled(before + taken);
    }

    /// Looks for the next part of a head that may go on.
    pub(super) fn free_head(&mut self) {
        let end = self.end.end_in(&self.held[self.searched..]);
        if let Some(end) = end {
            self.free = self.searched + end;
            (self.is_turn_over, self.has_begun) = (true, false);
        } else if !self.has_begun || self.held.len() >= MAX_HELD {
            self.free_all();
            self.has_begun = true;
        }
        self.searched = if self.free > 0 { self.free } else { self.held.len() };
        self.received = self.received.max(self.free);
    }

    /// Lets everything go on, as after the client's last byte.
    pub(super) fn free_all(&mut self) {
        self.free = self.held.len();
    }

    /// Lets the next part of a body go on, at most `most` bytes, and returns how many.
    pub(super) fn free_body(&mut self, body: Body, most: usize) -> usize {
        self.free = self.held.len().min(body.left()).min(most);
        // Where a body in chunks ends is for the service to find: it does so at a blank line.
        if matches!(body, Body::Chunked(_))
            && let Some(end) = self.end.end_in(&self.held[..self.free])
        {
            (self.free, self.is_turn_over) = (end, true);
        }
        self.free
    }

    /// Gives on what may go.
    pub(super) fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.free.min(buf.remaining());
        buf.put_slice(&self.held.split_to(count));
        self.free -= count;
        self.searched = self.searched.saturating_sub(count);
    }

    /// The status for a head that is too large.
    pub(super) fn too_large(&self) -> Option<StatusCode> {
        let status = match self.has_line {
            true => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            false => StatusCode::URI_TOO_LONG,
        };
        (self.received > MAX_HEAD).then_some(status)
    }

    fn count(&mut self, received: &[u8]) {
        let allowed = MAX_HEAD.saturating_sub(self.received).min(received.len());
        self.has_line |= received[..allowed].contains(&b'\n');
        self.received += received.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_line_is_not_held() {
        let mut incoming = Incoming::default();
        let (mut piece, mut given, mut most) = ([0; 4096], 0, 0);
        for _ in 0..100 {
            let mut buf = ReadBuf::new(&mut piece);
            buf.put_slice(&[b'x'; 4096]);
            incoming.hold(&mut buf, 0);
            incoming.free_head();
            while incoming.has_free() {
                buf.clear();
                incoming.give(&mut buf);
                given += buf.filled().len();
            }
            most = most.max(incoming.held.len());
        }
        assert!(most < MAX_HELD && given + MAX_HELD >= 100 * 4096, "{most} {given}");
        assert_eq!(incoming.too_large(), Some(StatusCode::URI_TOO_LONG));
    }
}
