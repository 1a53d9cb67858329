//! Server-sent events.

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

/// A comment goes out when nothing else has: proxies and browsers know that the stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// After this a browser connects again.
const RETRY: Duration = Duration::from_secs(2);

/// An event with JSON.
pub fn event(name: &'static str, data: &impl Serialize) -> sse::Event {
    match sse::Data::new_json(data) {
        Ok(data) => data.event(name).into(),
        Err(error) => sse::Event::Comment(error.to_string().into()),
    }
}

/// The stream as an answer that nothing on the way keeps or holds back.
pub fn respond(req: &HttpRequest, events: impl Stream<Item = sse::Event> + 'static) -> HttpResponse {
    let mut response = if *req.method() == Method::HEAD {
        HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/event-stream")).finish()
    } else {
        let events = Sse::from_stream(events.map(Ok::<_, Infallible>));
        events.with_keep_alive(HEARTBEAT).with_retry_duration(RETRY).respond_to(req)
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    // Nobody asks for more over this connection, so a server that stops need not wait for it.
    response.head_mut().set_connection_type(ConnectionType::Close);
    response
}
