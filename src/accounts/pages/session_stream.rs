//! `/session/events`: tells the page that is open when its session ends. Also what all streams share.

use std::{convert::Infallible, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, Responder as _,
    http::{
        Method,
        header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue},
    },
    web,
};
use actix_web_lab::sse::{self, Sse};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::{
    app::Site,
    error::Error,
    sessions::{CurrentUser, Farewell, live::Watch},
};

/// A comment goes out when nothing else has: proxies and browsers know that the stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After this a browser connects again.
const RETRY: Duration = Duration::from_secs(2);

/// `GET /session/events`
pub async fn events(
    req: HttpRequest,
    site: web::Data<Site>,
    user: CurrentUser,
) -> Result<HttpResponse, Error> {
    let watch = site.sessions.watch(&user).await?;
    Ok(respond(&req, stream::once(signed_out(watch)).filter_map(std::future::ready)))
}

/// The one event of this stream; none when the server stops.
async fn signed_out(mut watch: Watch) -> Option<sse::Event> {
    let standing = watch.until(|standing| standing.ended.is_some() || standing.stopping).await;
    standing.ended.map(|farewell| farewell_event(&farewell))
}

/// `signed-out`: the session of this very stream has ended.
#[derive(Serialize)]
struct SignedOut<'a> {
    reason: &'a str,
    sentence: String,
}

/// The event that tells a page why its own session ended.
pub fn farewell_event(farewell: &Farewell) -> sse::Event {
    event("signed-out", &SignedOut { reason: &farewell.reason, sentence: farewell.sentence() })
}

/// An event with JSON.
pub fn event(name: &'static str, data: &impl Serialize) -> sse::Event {
    match sse::Data::new_json(data) {
        Ok(data) => data.event(name).into(),
        Err(error) => sse::Event::Comment(error.to_string().into()),
    }
}

/// The stream as an answer that nothing on the way keeps or holds back.
pub fn respond(req: &HttpRequest, events: impl stream::Stream<Item = sse::Event> + 'static) -> HttpResponse {
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
    response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    response
}
