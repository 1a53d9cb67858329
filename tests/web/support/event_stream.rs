//! A stream of server-sent events as a test reads it.

use std::{collections::VecDeque, panic::Location, time::Duration};

use reqwest::{Method, Response};
use serde_json::Value;

use super::client::{Client, Request};

/// As long as `eventually` waits.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An open stream. Dropping it closes it.
pub struct EventStream {
    response: Response,
    text: String,
    /// Events with their ids.
    unread: VecDeque<(Option<String>, (String, Value))>,
    /// The id of the last event that was read.
    last_id: Option<String>,
    /// Every block received so far, for the message of a test that fails.
    seen: Vec<String>,
}

impl Client {
    /// Opens a stream as a browser does.
    #[track_caller]
    pub fn events(&self, path: &str) -> impl Future<Output = EventStream> {
        EventStream::open(self.request(Method::GET, path).header("accept", "text/event-stream"))
    }
}

impl EventStream {
    /// Opens the stream that a request asks for.
    #[track_caller]
    pub fn open(request: Request<'_>) -> impl Future<Output = Self> {
        let caller = Location::caller();
        async move {
            let response = request.respond().await.unwrap();
            assert_eq!(response.status(), 200, "{caller}");
            Self { response, text: String::new(), unread: VecDeque::new(), last_id: None, seen: Vec::new() }
        }
    }

    /// The id of the last event that was read.
    pub fn last_id(&self) -> &str {
        self.last_id.as_deref().unwrap()
    }

    /// Waits for a comment, at most twice as long as for an event; events before it are left out.
    #[track_caller]
    pub fn comment(&mut self) -> impl Future<Output = String> {
        let caller = Location::caller();
        async move {
            let found = async {
                loop {
                    while let Some((block, rest)) = self.text.split_once("\n\n") {
                        let (block, rest) = (block.to_owned(), rest.to_owned());
                        self.text = rest;
                        if block.starts_with(':') {
                            return block;
                        }
                    }
                    let chunk = self.response.chunk().await.unwrap().unwrap();
                    self.text.push_str(std::str::from_utf8(&chunk).unwrap());
                }
            };
            let found = tokio::time::timeout(2 * TIMEOUT, found).await;
            found.unwrap_or_else(|_| panic!("{caller}: no comment"))
        }
    }

    /// A header of the response.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Returns the next event, or `None` at the end of the stream. Comments are skipped.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((id, event)) = self.unread.pop_front() {
                self.last_id = id.or(self.last_id.take());
                return Some(event);
            }
            let chunk = self.response.chunk().await.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                if let Some(name) = field("event: ") {
                    let data = serde_json::from_str(field("data: ").unwrap()).unwrap();
                    self.unread.push_back((field("id: ").map(str::to_owned), (name.to_owned(), data)));
                }
                self.seen.push(block.to_owned());
                self.text = rest.to_owned();
            }
        }
    }

    /// Waits for an event of that name whose data fit; events before it are skipped.
    #[track_caller]
    pub fn wait_for(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> impl Future<Output = Value> {
        let caller = Location::caller();
        async move {
            let found = async {
                while let Some((found, data)) = self.next().await {
                    if found == name && fits(&data) {
                        return Some(data);
                    }
                }
                None
            };
            match tokio::time::timeout(TIMEOUT, found).await {
                Ok(Some(data)) => data,
                Ok(None) => panic!("{caller}: the stream ended without {name}: {:?}", self.seen),
                Err(_) => panic!("{caller}: no {name} within {TIMEOUT:?}: {:?}", self.seen),
            }
        }
    }

    /// Waits for the end of the stream; returns the events before it.
    #[track_caller]
    pub fn end(mut self) -> impl Future<Output = Vec<(String, Value)>> {
        let caller = Location::caller();
        async move {
            let mut events = Vec::new();
            let ended = async {
                while let Some(event) = self.next().await {
                    events.push(event);
                }
            };
            let ended = tokio::time::timeout(TIMEOUT, ended).await;
            assert!(ended.is_ok(), "{caller}: the stream goes on: {:?}", self.seen);
            events
        }
    }
}
