//! `/admin/sessions/events`: what happens to everyone's sessions, as it happens.

mod batch;
mod count;
mod events;

use std::{collections::VecDeque, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_lab::sse;
use futures_util::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    accounts::pages::session_stream::{farewell_event, respond},
    app::Site,
    error::Error,
    sessions::{
        Administrator,
        live::{Message, Standing, Watch},
    },
};
use batch::Gathered;
use count::Counting;

/// `GET /admin/sessions/events`
pub async fn events(
    req: HttpRequest,
    site: web::Data<Site>,
    admin: Administrator,
) -> Result<HttpResponse, Error> {
    // First, so that nothing is missed in between.
    let messages = site.sessions.live().listen();
    let watch = site.sessions.watch(&admin).await?;
    let open = Open {
        watch,
        messages,
        gathered: Gathered::default(),
        counting: Counting::start(site.clone()),
        ready: VecDeque::new(),
        over: false,
        site,
    };
    Ok(respond(&req, stream::unfold(open, |mut open| async { Some((open.next().await?, open)) })))
}

/// A stream that somebody reads.
struct Open {
    site: web::Data<Site>,
    watch: Watch,
    messages: Receiver<Arc<Message>>,
    gathered: Gathered,
    counting: Counting,
    /// Not sent yet. It is filled when all before has been sent, so a slow reader is behind in `messages`, which
    /// holds only so many.
    ready: VecDeque<sse::Event>,
    over: bool,
}

impl Open {
    /// The next event; `None`: the stream is over.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            tokio::select! {
                biased;
                standing = self.watch.until(is_over) => {
                    self.over = true;
                    self.ready.extend(standing.ended.as_ref().map(farewell_event));
                }
                () = self.gathered.is_due() => self.deliver().await,
                message = self.messages.recv() => match message {
                    Ok(message) => self.gathered.add(&message),
                    Err(RecvError::Lagged(_)) => self.gathered.miss(),
                    Err(RecvError::Closed) => self.over = true,
                },
                active = self.counting.changed() => self.ready.push_back(events::count(active)),
            }
        }
    }

    /// Makes events of what has gathered, unless it can't be told whether the reader is still an administrator.
    async fn deliver(&mut self) {
        let gathered = std::mem::take(&mut self.gathered);
        if !self.site.sessions.live().is_confirmed() {
            self.over = true;
            return;
        }
        if gathered.changes_count() {
            self.counting.again();
        }
        self.ready.extend(events::all(&self.site, gathered).await);
    }
}

fn is_over(standing: &Standing) -> bool {
    standing.ended.is_some() || standing.stopping || !standing.is_admin
}
