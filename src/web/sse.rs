//! Server-sent events: events with JSON, and the streaming response.

use std::{convert::Infallible, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, Responder as _,
    http::{
        ConnectionType, Method,
        header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue},
    },
};
use actix_web_lab::sse::{self, Sse};
use futures_util::{StreamExt as _, stream::Stream};
use serde::Serialize;

/// The time after which a browser reconnects when the connection has ended.
const RETRY: Duration = Duration::from_secs(2);

/// An event with JSON data; a comment with the error when the data can't be serialized.
pub fn event(name: &'static str, data: &impl Serialize) -> sse::Event {
    match sse::Data::new_json(data) {
        Ok(data) => data.event(name).into(),
        Err(error) => sse::Event::Comment(error.to_string().into()),
    }
}

/// The event that tells a page to connect again at once: this instance stops, and another one answers.
pub fn reconnect_event() -> sse::Event {
    event("reconnect", &Reconnect {})
}

#[derive(Serialize)]
struct Reconnect {}

/// The same as [`event`] with the id that a client sends back as `Last-Event-ID`, to go on after it.
pub fn event_at(name: &'static str, data: &impl Serialize, id: impl ToString) -> sse::Event {
    match event(name, data) {
        sse::Event::Data(data) => data.id(id.to_string()).into(),
        comment => comment,
    }
}

/// The stream as a response that proxies neither cache nor buffer. After `heartbeat` without an event a comment is sent, so that
/// proxies keep the connection open and pages know that it is.
pub fn respond(
    req: &HttpRequest,
    heartbeat: Duration,
    events: impl Stream<Item = sse::Event> + 'static,
) -> HttpResponse {
    let mut response = if *req.method() == Method::HEAD {
        HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/event-stream")).finish()
    } else {
        let events = Sse::from_stream(events.map(Ok::<_, Infallible>));
        events.with_keep_alive(heartbeat).with_retry_duration(RETRY).respond_to(req)
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    // The connection carries no further request, so a server that stops need not wait for it.
    response.head_mut().set_connection_type(ConnectionType::Close);
    response
}
