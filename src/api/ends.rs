//! `GET /auth/verify/stream`: tells services that hold connections open which sessions end, at once and, after a lost connection,
//! those that they have missed.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderValue, WWW_AUTHENTICATE},
    web::Data,
};
use actix_web_lab::sse;
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::Interval,
};
use utoipa::ToSchema;

use super::answers::{Problem, utc};
use crate::{
    config::{Config, GateKeys},
    db::Db,
    error::{Detail, Error},
    events::ends::{EndReader, Position, SessionEnd, Told},
    security::{
        api::{Bearer, bearer},
        refusal,
    },
    sessions::{Sessions, live::message::Message},
    web::sse::{event_at, respond},
};

/// After so long without an event a comment is sent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often the log is read where no message says that there is something new: messages are lost, and without Redis other instances
/// send none.
const PAUSE: Duration = Duration::from_secs(2);

/// The session that has ended.
#[derive(Serialize, ToSchema)]
pub struct EndedSession<'a> {
    /// Its public id.
    session_id: &'a str,
    /// The number of its account.
    user_id: Option<i64>,
    /// Why, such as `logout`, `ended_by_admin` or `idle`; later versions may have others.
    reason: &'a str,
    /// When it was ended.
    #[schema(format = DateTime)]
    at: String,
}

/// What a service has to do about its connections.
#[derive(Serialize)]
struct Notice {
    /// For people.
    detail: &'static str,
}

const READY: Notice = Notice { detail: "Every end from now on is told." };
const RESET: Notice = Notice {
    detail: "Ends may have been missed. Close all connections, or ask /auth/verify about each of them again.",
};

/// `GET /auth/verify/stream`
///
/// # Errors
/// [`Error::NotFound`] without `GATE_KEY`; [`Error::Unavailable`] when the log can't be read.
#[utoipa::path(
    get, path = "/auth/verify/stream", tag = "Sites behind this login", summary = "Which sessions end?",
    description = "For services that hold connections open: server-sent events, `ended` for each session that ends (its data is EndedSession), first `ready`, and `reset` where ends may have been missed, after which all connections have to be checked. `Last-Event-ID` gives what was missed. An end may be told twice, and is never left out.",
    params(("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that arrived.")),
    responses(
        (status = 200, description = "The events.", body = EndedSession, content_type = "text/event-stream"),
        (status = 401, description = "The request has no key of GATE_KEY as `Authorization: Bearer`.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "GATE_KEY is not set.", body = Problem, content_type = "application/problem+json"),
    ),
    security(("gate_key" = [])),
)]
pub async fn stream(
    req: HttpRequest,
    config: Data<Config>,
    db: Data<Db>,
    sessions: Data<Sessions>,
) -> Result<HttpResponse, Error> {
    let keys = config.gate_keys.as_ref().ok_or(Error::NotFound)?;
    if let Some(refused) = refusal(&req, keys) {
        return Ok(refused);
    }
    // Subscribed before the log is read, so that no message in between is missed.
    let messages = sessions.bus().messages();
    let stopping = sessions.bus().stopping();
    let (reader, ready) = begin(&db, &req).await?;
    let open = OpenStream { reader: Some(reader), ready, messages, stopping, pause: pause(), db };
    let events = unfold(open, |mut open| async { Some((open.next().await?, open)) });
    Ok(respond(&req, KEEP_ALIVE, events))
}

/// The answer to whoever has no key.
fn refusal(req: &HttpRequest, keys: &GateKeys) -> Option<HttpResponse> {
    let challenge = match bearer(req.headers()) {
        Some(Bearer::Token(token)) if keys.has(token) => return None,
        Some(_) => {
            refusal::log(req, "wrong_gate_key", None, "not a key of GATE_KEY");
            "Bearer realm=\"gatehouse\", error=\"invalid_token\""
        }
        None => "Bearer realm=\"gatehouse\"",
    };
    let mut response = HttpResponse::from_error(Error::SignInFirst);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    let text = "Send a key of GATE_KEY as Authorization: Bearer.".to_owned();
    response.extensions_mut().insert(Detail(text));
    Some(response)
}

/// Begins where the client was, or now. Returns the first events.
async fn begin(db: &Db, req: &HttpRequest) -> Result<(EndReader, VecDeque<sse::Event>), Error> {
    // An empty one is what a client without one may send.
    let sent: Vec<_> = req.headers().get_all("last-event-id").filter(|id| !id.is_empty()).collect();
    let position: Option<Position> = match sent.as_slice() {
        [id] => id.to_str().ok().and_then(|id| id.parse().ok()),
        _ => None,
    };
    if let Some(position) = position
        && let Some(reader) = db.run(move |conn| EndReader::after(conn, position)).await?
    {
        return Ok((reader, VecDeque::new()));
    }
    let (reader, position, ends) = db.run(EndReader::from_now).await?;
    // Whoever has sent one, even one that can't be read, had events before and may have missed some.
    let first = match sent.is_empty() {
        true => event_at("ready", &READY, position),
        false => event_at("reset", &RESET, position),
    };
    Ok((reader, std::iter::once(first).chain(ends.iter().map(ended_event)).collect()))
}

fn ended_event(end: &SessionEnd) -> sse::Event {
    let SessionEnd { session_id, user_id, reason, at, position } = end;
    let data = EndedSession { session_id, user_id: *user_id, reason, at: utc(*at) };
    event_at("ended", &data, position)
}

fn pause() -> Interval {
    let mut pause = tokio::time::interval(PAUSE);
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    pause
}

/// A stream that a service reads. The log is read only once all that was read before has been sent, so that a slow reader costs no
/// memory.
struct OpenStream {
    db: Data<Db>,
    /// `None` once reading has failed.
    reader: Option<EndReader>,
    /// What is to be sent.
    ready: VecDeque<sse::Event>,
    messages: Receiver<Arc<Message>>,
    stopping: watch::Receiver<bool>,
    pause: Interval,
}

impl OpenStream {
    /// The next event; `None`: the stream ends.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            // The client comes back to an instance that can read the log.
            self.read().await.inspect_err(failed).ok()?;
            if self.ready.is_empty() {
                self.wait().await;
            }
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        let mut reader = self.reader.take().ok_or_else(|| Error::bug("a reader that has failed is read"))?;
        let read = move |conn: &mut _| {
            let told = reader.read(conn)?;
            Ok((reader, told))
        };
        let (reader, Told { ends, reset }) = self.db.run(read).await?;
        self.reader = Some(reader);
        self.ready.extend(ends.iter().map(ended_event));
        self.ready.extend(reset.map(|position| event_at("reset", &RESET, position)));
        Ok(())
    }

    /// Waits until there may be something new.
    async fn wait(&mut self) {
        loop {
            tokio::select! {
                _ = self.stopping.changed() => return,
                _ = self.pause.tick() => return,
                message = self.messages.recv() => match message.as_deref() {
                    Ok(Message::Ended { .. } | Message::Missed) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                    Ok(_) => {}
                },
            }
        }
        // What else waits was written before the log is read.
        self.messages = self.messages.resubscribe();
    }
}

fn failed(error: &Error) {
    tracing::warn!(error = ?error.causes(), "a stream of ended sessions ends, since the log can't be read");
}
