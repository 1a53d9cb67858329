//! A stream of events as a test reads it.

use std::{collections::VecDeque, panic::Location, time::Duration};

use reqwest::{Method, Response};
use serde_json::Value;

use super::client::Client;

/// As long as `eventually` waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open stream. Dropping it closes it.
pub struct Events {
    response: Response,
    text: String,
    waiting: VecDeque<(String, Value)>,
    /// All that came so far, for the message of a test that fails.
    seen: Vec<String>,
}

impl Client {
    /// Opens a stream as a browser does.
    #[track_caller]
    pub fn events(&self, path: &str) -> impl Future<Output = Events> {
        let caller = Location::caller();
        let request = self.request(Method::GET, path).header("accept", "text/event-stream");
        async move {
            let response = request.respond().await.unwrap();
            assert_eq!(response.status(), 200, "{caller}");
            Events { response, text: String::new(), waiting: VecDeque::new(), seen: Vec::new() }
        }
    }
}

impl Events {
    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next event, `None` at the end of the stream. Comments are left out.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let chunk = self.response.chunk().await.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                if let Some(name) = field("event: ") {
                    let data = serde_json::from_str(field("data: ").unwrap()).unwrap();
                    self.waiting.push_back((name.to_owned(), data));
                }
                self.seen.push(block.to_owned());
                self.text = rest.to_owned();
            }
        }
    }

    /// Waits for an event of that name whose data fit; others before it are passed over.
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
            match tokio::time::timeout(PATIENCE, found).await {
                Ok(Some(data)) => data,
                Ok(None) => panic!("{caller}: the stream ended without {name}: {:?}", self.seen),
                Err(_) => panic!("{caller}: no {name} within {PATIENCE:?}: {:?}", self.seen),
            }
        }
    }

    /// Waits for the end of the stream; the result is what came before it.
    #[track_caller]
    pub fn end(mut self) -> impl Future<Output = Vec<(String, Value)>> {
        let caller = Location::caller();
        async move {
            let mut last = Vec::new();
            let ended = async {
                while let Some(event) = self.next().await {
                    last.push(event);
                }
            };
            let ended = tokio::time::timeout(PATIENCE, ended).await;
            assert!(ended.is_ok(), "{caller}: the stream goes on: {:?}", self.seen);
            last
        }
    }
}
