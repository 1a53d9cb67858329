//! People who read pages all the time while something happens to the stores.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::rt::{spawn, task::JoinHandle};

use super::{client::Client, outage::timely};

/// The pause of each between two pages.
const PACE: Duration = Duration::from_millis(20);

/// Requests of several people at the same time.
pub struct Load {
    stopped: Rc<Cell<bool>>,
    people: Vec<JoinHandle<Vec<(Instant, u16)>>>,
}

impl Load {
    /// Starts to read `/profile` with each of the clients. Whatever happens, nobody may see anything but the page or 503, and each
    /// keeps the cookie.
    pub fn start(clients: Vec<Client>) -> Self {
        let stopped = Rc::new(Cell::new(false));
        let people = clients.into_iter().map(|client| spawn(read(client, Rc::clone(&stopped)))).collect();
        Self { stopped, people }
    }

    /// Stops. Returns when the last answer came that was not the page, if there was one.
    pub async fn stop(self) -> Option<Instant> {
        self.stopped.set(true);
        let mut last = None;
        for person in self.people {
            let answers = person.await.expect("somebody saw something else than the page or 503");
            assert!(!answers.is_empty(), "somebody has asked for nothing yet");
            let refused = answers.iter().filter(|(_, status)| *status == 503).map(|(at, _)| *at).max();
            last = last.max(refused);
        }
        last
    }
}

async fn read(client: Client, stopped: Rc<Cell<bool>>) -> Vec<(Instant, u16)> {
    let cookies = client.cookies();
    let mut pace = tokio::time::interval(PACE);
    let mut answers = Vec::new();
    while !stopped.get() {
        pace.tick().await;
        let answer = timely(client.get("/profile")).await;
        assert!(matches!(answer.status, 200 | 503), "{}", answer.summary());
        assert_eq!(client.cookies(), cookies, "the cookie stays");
        answers.push((Instant::now(), answer.status));
    }
    answers
}
