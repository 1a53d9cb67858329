//! The event stream of one administrator's page.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_lab::sse;
use futures_util::{FutureExt as _, stream};
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::Interval,
};

use super::{batch::Batch, count::CountTask, events as session_events};
use crate::{
    accounts::pages::session_stream::signed_out_event,
    db::Db,
    error::Error,
    sessions::{
        Administrator, Sessions,
        catalogue::rights::AdminRights,
        live::{message::Message, registry::SessionStatus, subscription::Subscription},
        while_proven,
    },
    web::sse::{reconnect_event, respond},
};

/// The page says that it is not live when it has heard nothing for a little longer than twice this time: see `static/live.js`.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// `GET /admin/sessions/events`
///
/// # Errors
/// [`Error::Unavailable`] when the session's status can't be read.
pub async fn events(
    req: HttpRequest,
    db: web::Data<Db>,
    sessions: web::Data<Sessions>,
    admin: Administrator,
) -> Result<HttpResponse, Error> {
    // Subscribed first, so that no message in between is missed.
    let messages = sessions.bus().messages();
    let subscription = sessions.subscribe(&admin).await?;
    let sessions = sessions.into_inner();
    let open = OpenStream {
        linked: sessions.bus().linked(),
        check: tokio::time::interval(HEARTBEAT),
        was_live: true,
        subscription,
        messages,
        batch: Batch::default(),
        count: CountTask::start(Arc::clone(&sessions)),
        ready: VecDeque::new(),
        closing: false,
        rights: admin.rights(),
        db,
        sessions,
    };
    let events = stream::unfold(open, |mut open| async { Some((open.next().await?, open)) });
    Ok(respond(&req, HEARTBEAT, while_proven(&req, &admin, events)?))
}

/// A stream that a client reads.
struct OpenStream {
    db: web::Data<Db>,
    sessions: Arc<Sessions>,
    subscription: Subscription,
    /// Of its administrator.
    rights: AdminRights,
    messages: Receiver<Arc<Message>>,
    batch: Batch,
    count: CountTask,
    /// Events to be sent. Filled only once all earlier ones were sent, so a slow client lags in `messages`, which is bounded.
    ready: VecDeque<sse::Event>,
    /// Whether the stream ends after the events in `ready`.
    closing: bool,
    /// Whether messages of the other instances arrive.
    linked: watch::Receiver<bool>,
    /// When it is checked whether changes arrive.
    check: Interval,
    /// What the page was told of that; it expects the best.
    was_live: bool,
}

impl OpenStream {
    /// The next event; `None`: the stream ends.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if self.closing {
                return self.ready.pop_front();
            }
            // A slow client may not have taken what was made while it still was an administrator's.
            if let Some(status) = self.subscription.wait_for(must_close).now_or_never() {
                self.close(&status);
                continue;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            tokio::select! {
                biased;
                status = self.subscription.wait_for(must_close) => self.close(&status),
                () = self.batch.due() => self.send_batch().await,
                message = self.messages.recv() => match message {
                    Ok(message) => self.batch.add(&message),
                    Err(RecvError::Lagged(_)) => self.batch.add_missed(),
                    Err(RecvError::Closed) => self.closing = true,
                },
                active = self.count.changed() => self.ready.push_back(session_events::counts_event(active)),
                Ok(()) = self.linked.changed() => self.send_status(),
                _ = self.check.tick() => self.send_status(),
            }
        }
    }

    /// Tells the page when changes stop to arrive, and when they arrive again.
    fn send_status(&mut self) {
        let live = *self.linked.borrow_and_update() && self.sessions.bus().is_fresh();
        if live != self.was_live {
            self.was_live = live;
            self.ready.push_back(session_events::status_event(live));
        }
    }

    /// Ends the stream with the reason for it, if the page needs to know it, and without what is still to be sent.
    fn close(&mut self, status: &SessionStatus) {
        self.closing = true;
        self.ready.clear();
        self.ready.extend(match &status.ended {
            Some(message) => Some(signed_out_event(message)),
            None => status.stopping.then(reconnect_event),
        });
    }

    /// Makes events of the batch, if the client still is an administrator; else, or when that is unknown, the stream ends.
    async fn send_batch(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if batch.changes_count() {
            self.count.request();
        }
        match session_events::batch_events(&self.db, &self.rights, batch).await {
            Ok(events) => self.ready.extend(events),
            Err(_) => self.close(&SessionStatus::default()),
        }
    }
}

fn must_close(status: &SessionStatus) -> bool {
    status.ended.is_some() || status.stopping || !status.is_admin
}
