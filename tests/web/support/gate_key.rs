//! A service with a key of `GATE_KEY`, which is told of ended sessions.

use reqwest::Method;
use serde_json::Value;

use super::{
    app::{Builder, TestApp, random_secret},
    client::{Client, Request},
    event_stream::EventStream,
};

/// Where it asks.
pub const PATH: &str = "/auth/verify/stream";

/// A service, or somebody who wants to be taken for one.
pub struct Service {
    pub key: String,
    client: Client,
}

impl Service {
    /// A service of an application that is started with its key.
    pub async fn start(builder: Builder) -> (TestApp, Self) {
        let key = random_secret();
        let app = builder.var("GATE_KEY", &key).start().await;
        let client = app.client();
        (app, Self { key, client })
    }

    /// Somebody with a key.
    pub fn of(app: &TestApp, key: &str) -> Self {
        Self { key: key.to_owned(), client: app.client() }
    }

    /// The same service at another instance.
    pub fn at(&self, app: &TestApp) -> Self {
        Self { key: self.key.clone(), client: self.client.at(app) }
    }

    /// Asks for the stream.
    pub fn request(&self) -> Request<'_> {
        self.client.with_token(Method::GET, PATH, &self.key)
    }

    /// Opens the stream and waits until it is ready.
    pub async fn open(&self) -> EventStream {
        let mut stream = EventStream::open(self.request()).await;
        assert_eq!(stream.next().await.unwrap().0, "ready");
        stream
    }

    /// Opens the stream after the event with this id.
    pub async fn resume(&self, id: &str) -> EventStream {
        EventStream::open(self.request().header("last-event-id", id)).await
    }
}

impl EventStream {
    /// Waits for this many ends of sessions, and for nothing else.
    pub async fn ends(&mut self, count: usize) -> Vec<Value> {
        let mut ends = Vec::new();
        while ends.len() < count {
            ends.push(self.any("ended").await);
        }
        ends
    }

    /// Waits for the ends of these sessions in this order, and for nothing else.
    #[track_caller]
    pub fn ended(&mut self, ids: &[&str]) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let ends = self.ends(ids.len()).await;
            let found: Vec<_> = ends.iter().map(|end| end["session_id"].as_str().unwrap()).collect();
            assert_eq!(found, ids, "{caller}");
        }
    }

    /// Waits for an event, which must be of this name.
    pub async fn any(&mut self, name: &str) -> Value {
        let event = tokio::time::timeout(std::time::Duration::from_secs(60), self.next()).await;
        let (found, data) = event.expect("an event within a minute").expect("the stream goes on");
        assert_eq!(found, name, "{data}");
        data
    }
}
