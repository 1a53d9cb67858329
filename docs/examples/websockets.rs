//! A service whose WebSockets close when the session that opened them ends; see ../websockets.md.

use std::{collections::HashMap, env, io, sync::Arc, time::Duration};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use actix_ws::{CloseCode, Message};
use futures_util::StreamExt as _;
use tokio::sync::{Mutex, watch};

#[derive(Clone)]
struct Service {
    /// Where Gatehouse is, the key that it knows this service by, and the origin of the pages that may connect.
    gatehouse: String,
    key: String,
    origin: String,
    http: reqwest::Client,
    /// By session id. A connection closes when its sender is removed.
    open: Arc<Mutex<HashMap<String, watch::Sender<()>>>>,
    /// Whether every end is told from now on.
    ready: watch::Sender<bool>,
}

impl Service {
    /// The session that sends a request, if it has one.
    async fn session(&self, req: &HttpRequest) -> Option<String> {
        let cookie = req.headers().get("cookie")?.as_bytes();
        let asked = self.http.get(format!("{}/auth/verify", self.gatehouse)).header("cookie", cookie);
        let answer = asked.send().await.ok().filter(|answer| answer.status() == 200)?;
        answer.headers().get("remote-session")?.to_str().ok().map(str::to_owned)
    }

    /// Follows the stream of ended sessions until it is lost. `last`: the id of the last event, from which it goes on.
    async fn follow(&self, last: &mut String) -> reqwest::Result<()> {
        let asked = self.http.get(format!("{}/auth/verify/stream", self.gatehouse)).bearer_auth(&self.key);
        let mut answer = asked.header("last-event-id", &*last).send().await?.error_for_status()?;
        let mut text = String::new();
        while let Some(chunk) = answer.chunk().await? {
            text += &String::from_utf8_lossy(&chunk);
            while let Some((event, rest)) = text.split_once("\n\n") {
                let field = |name| event.lines().find_map(|line| line.strip_prefix(name));
                let data: serde_json::Value =
                    field("data: ").and_then(|data| data.parse().ok()).unwrap_or_default();
                let mut open = self.open.lock().await;
                match field("event: ") {
                    Some("ended") => drop(data["session_id"].as_str().and_then(|id| open.remove(id))),
                    // Some may have ended without being told.
                    Some("reset") => open.clear(),
                    _ => drop(self.ready.send_replace(true)),
                }
                *last = field("id: ").map_or_else(|| std::mem::take(last), str::to_owned);
                text = rest.to_owned();
            }
        }
        Ok(())
    }
}

async fn connect(
    req: HttpRequest,
    body: web::Payload,
    service: web::Data<Service>,
) -> actix_web::Result<HttpResponse> {
    // Cookies come along whatever page opens a WebSocket.
    if req.headers().get("origin").is_none_or(|origin| *origin != *service.origin) {
        return Ok(HttpResponse::Forbidden().finish());
    }
    let Some(id) = service.session(&req).await else { return Ok(HttpResponse::Unauthorized().finish()) };
    let mut ended = service.open.lock().await.entry(id.clone()).or_default().subscribe();
    // It may have ended before it was noted: Gatehouse is asked once more.
    if service.session(&req).await != Some(id) {
        return Ok(HttpResponse::Unauthorized().finish());
    }
    let (response, mut session, mut messages) = actix_ws::handle(&req, body)?;
    actix_web::rt::spawn(async move {
        loop {
            let done = tokio::select! {
                _ = ended.changed() => break,
                message = messages.next() => match message {
                    Some(Ok(Message::Text(text))) => session.text(text).await, // what the service is for
                    Some(Ok(Message::Ping(bytes))) => session.pong(&bytes).await,
                    _ => break,
                },
            };
            if done.is_err() {
                break;
            }
        }
        let _ = session.close(Some(CloseCode::Policy.into())).await;
        drop(ended);
        service.open.lock().await.retain(|_, sender| sender.receiver_count() > 0);
    });
    Ok(response)
}

/// Serves at an address.
pub async fn serve(address: String, gatehouse: String, key: String, origin: String) -> io::Result<()> {
    // The stream says something every 15 seconds; without it, the connection is lost.
    let http =
        reqwest::Client::builder().read_timeout(Duration::from_secs(40)).build().map_err(io::Error::other)?;
    let service =
        Service { gatehouse, key, origin, http, open: Arc::default(), ready: watch::Sender::new(false) };
    let follower = service.clone();
    actix_web::rt::spawn(async move {
        let mut last = String::new();
        loop {
            if let Err(error) = follower.follow(&mut last).await {
                eprintln!("the stream is lost: {error}")
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    // Nobody connects before.
    service.ready.subscribe().wait_for(|ready| *ready).await.map_err(io::Error::other)?;
    let service = web::Data::new(service);
    let app = move || App::new().app_data(service.clone()).route("/socket", web::get().to(connect));
    HttpServer::new(app).bind(address)?.run().await
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let read = |name| env::var(name).map_err(|_| io::Error::other(format!("{name} is not set")));
    serve(read("LISTEN_ADDR")?, read("GATEHOUSE")?, read("GATE_KEY")?, read("ORIGIN")?).await
}
