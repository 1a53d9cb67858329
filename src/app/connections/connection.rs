//! The stream of one connection, as the HTTP service sees it.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    deadline::{ReadDeadline, Stall},
    incoming::Incoming,
    progress::{Body, Phase, Progress},
    refusal::{self, Refusals},
    room::Place,
    transport::Transport,
};

/// Longest time for the head of a request to arrive, from the first byte on; for the first one, from the connection on.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time for the body of a request to arrive. Forms give up before, with a page.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// A stream that gives the HTTP service nothing of a request before the last one is answered and sent, and ends with an error what
/// takes too long.
pub(super) struct Connection<T: Transport> {
    io: Option<T>,
    progress: Rc<Progress>,
    refusals: Arc<Refusals>,
    place: Option<Place>,
    incoming: Incoming,
    deadline: ReadDeadline,
    stall: Stall,
    /// Whether answers wait for their reader.
    is_write_blocked: bool,
    /// What the client is told when the service has given the connection up.
    refusal: Option<StatusCode>,
}

impl<T: Transport> Connection<T> {
    pub(super) fn new(io: T, refusals: Arc<Refusals>, place: Place) -> Self {
        Self {
            io: Some(io),
            progress: Progress::new(),
            refusals,
            place: Some(place),
            incoming: Incoming::default(),
            deadline: ReadDeadline::default(),
            stall: Stall::default(),
            is_write_blocked: false,
            refusal: None,
        }
    }

    pub(super) fn progress(&self) -> Rc<Progress> {
        Rc::clone(&self.progress)
    }

    fn io(&mut self) -> io::Result<Pin<&mut T>> {
        self.io.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Receives and holds what comes. Returns whether the client sends no more.
    fn hold(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buf.filled().len();
        ready!(self.io()?.poll_read(cx, buf))?;
        let has_ended = buf.filled().len() == before;
        self.incoming.hold(buf, before);
        Poll::Ready(Ok(has_ended))
    }

    /// Waits for the service to answer what it has, and looks meanwhile whether the client is gone.
    fn watch(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.incoming.is_empty() && ready!(self.hold(cx, buf))? {
            return Poll::Ready(Ok(()));
        }
        self.progress.park(cx);
        Poll::Pending
    }

    fn read_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.incoming.count_from(self.progress.turn());
        if self.incoming.is_at_start() {
            let before = buf.filled().len();
            ready!(self.io()?.poll_read(cx, buf))?;
            self.incoming.hold_beyond_head(buf, before);
            return Poll::Ready(Ok(()));
        }
        loop {
            self.incoming.free_head();
            if !self.incoming.has_free() {
                if ready!(self.hold(cx, buf))? {
                    // The service sees that the head is cut off.
                    self.incoming.free_all();
                } else if !self.progress.is_body_unread()
                    && let Some(status) = self.incoming.too_large()
                {
                    return Poll::Ready(Err(self.refuse(status, io::ErrorKind::FileTooLarge)));
                } else {
                    continue;
                }
            }
            self.incoming.give(buf);
            return Poll::Ready(Ok(()));
        }
    }

    fn read_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>, body: Body) -> Poll<io::Result<()>> {
        if self.incoming.is_empty() && ready!(self.hold(cx, buf))? {
            return Poll::Ready(Ok(()));
        }
        let count = self.incoming.free_body(body, buf.remaining());
        self.progress.took(count);
        self.incoming.give(buf);
        Poll::Ready(Ok(()))
    }

    fn refuse(&mut self, status: StatusCode, kind: io::ErrorKind) -> io::Error {
        self.refusal = Some(status);
        kind.into()
    }

    /// How long the client has for what it owes: the rest of a head, of a body that nobody reads, or of one that is read.
    fn time_for_rest(&self) -> Option<Duration> {
        let turn = self.progress.turn();
        match self.progress.phase() {
            Phase::Head => {
                let has_begun =
                    turn == 0 || self.incoming.has_received(turn) || self.progress.is_body_unread();
                has_begun.then_some(HEAD_TIMEOUT)
            }
            Phase::Request(body) => (body.left() > 0 && self.incoming.is_empty()).then_some(BODY_TIMEOUT),
        }
    }
}

impl<T: Transport> AsyncRead for Connection<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_write_blocked {
            this.progress.park(cx);
            return Poll::Pending;
        }
        if this.incoming.has_free() {
            this.incoming.give(buf);
            return Poll::Ready(Ok(()));
        }
        if this.incoming.begins_turn() {
            let watched = this.watch(cx, buf);
            if watched.is_pending() && !this.incoming.is_empty() {
                cx.waker().wake_by_ref();
            }
            return watched;
        }
        let turn = this.progress.turn();
        match this.progress.phase() {
            Phase::Head => {
                let read = this.read_head(cx, buf);
                if read.is_pending() && this.deadline.has_passed(cx, turn) {
                    let late = this.refuse(StatusCode::REQUEST_TIMEOUT, io::ErrorKind::TimedOut);
                    return Poll::Ready(Err(late));
                }
                read
            }
            Phase::Request(body) if body.left() == 0 => this.watch(cx, buf),
            Phase::Request(body) => {
                let read = this.read_body(cx, buf, body);
                if read.is_pending() && this.deadline.is_over(cx, turn, BODY_TIMEOUT) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                read
            }
        }
    }
}

impl<T: Transport> AsyncWrite for Connection<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut own = buf;
        if this.progress.phase() == Phase::Head
            && !this.progress.is_ambiguous()
            && let Some((before, status)) = refusal::of_the_parser(buf)
        {
            if before == 0 {
                this.refusal = Some(status);
                return Poll::Ready(Ok(buf.len()));
            }
            own = &buf[..before];
        }
        match this.io()?.poll_write(cx, own) {
            Poll::Ready(Ok(count)) => {
                this.stall.wrote(count);
                Poll::Ready(Ok(count))
            }
            Poll::Pending if this.stall.is_over(cx) => {
                this.io()?.abort_on_close();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => {
                this.is_write_blocked = true;
                Poll::Pending
            }
            failed => failed,
        }
    }

    /// The service calls this at the end of each turn in which everything could be written.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.stall.end();
        if std::mem::take(&mut this.is_write_blocked) {
            this.progress.unpark();
        }
        if let Some(time) = this.time_for_rest()
            && this.deadline.is_over(cx, this.progress.turn(), time)
        {
            cx.waker().wake_by_ref();
        }
        this.io()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io()?.poll_shutdown(cx)
    }
}

impl<T: Transport> Drop for Connection<T> {
    fn drop(&mut self) {
        if let (Some(status), Some(io), Some(place)) = (self.refusal, self.io.take(), self.place.take())
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // No handler has seen the request, so nothing else logs it.
            tracing::warn!(
                target: "gatehouse::security",
                kind = "unreadable_request",
                ip = %place.peer,
                status = status.as_u16()
            );
            runtime.spawn(refusal::close(io, self.refusals.bytes(status), place));
        }
    }
}
