//! The clients that generate the load on both servers. Each sends requests until a given time and checks every response.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    client::{Connection, Response},
    server::{COOKIE, PASSWORD, Server, User},
};

/// A pseudo-random generator (xorshift), good enough to choose users with.
struct Random(u64);

impl Random {
    fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        &items[(self.0 >> 16) as usize % items.len()]
    }
}

/// What readers fetch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Profile,
    Verify,
    Me,
}

impl Page {
    pub fn path(self) -> &'static str {
        match self {
            Self::Profile => "/profile",
            Self::Verify => "/auth/verify",
            Self::Me => "/auth/me",
        }
    }

    /// Whether a response is the user's own.
    pub fn is_for(self, user: &User, response: &Response<'_>) -> bool {
        let tells_who = match self {
            Self::Profile | Self::Me => response.contains(&user.email),
            Self::Verify => response.header("remote-name") == Some(&user.name),
        };
        response.status == 200 && tells_who
    }
}

/// Fetches a page, each time as another user, until `end`, and returns the latency of each request.
pub async fn read(
    page: Page,
    server: Server,
    users: Arc<[User]>,
    seed: usize,
    end: Instant,
    pause: Option<Duration>,
) -> Result<Vec<Duration>> {
    let (mut random, mut latencies) = (Random::new(seed), Vec::with_capacity(100_000));
    let mut connection = Connection::open(server.port).await?;
    while Instant::now() < end {
        let user = random.choose(&users);
        let start = Instant::now();
        let response = connection.get(page.path(), (server.cookie)(user)).await?;
        let latency = start.elapsed();
        if !page.is_for(user, &response) {
            return Err(response.unexpected(&format!("{} of {}", page.path(), user.email)));
        }
        latencies.push(latency);
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(latencies)
}

/// Signs in, each time as another user, until `end`, and returns the latency of each request.
pub async fn sign_in(server: Server, users: Arc<[User]>, seed: usize, end: Instant) -> Result<Vec<Duration>> {
    let (mut random, mut latencies) = (Random::new(seed), Vec::new());
    let mut connection = Connection::open(server.port).await?;
    while Instant::now() < end {
        let user = random.choose(&users);
        let start = Instant::now();
        let fields = [("email", user.email.as_str()), ("password", PASSWORD), ("next", "")];
        let response = connection.post_with_cookie("/login", &user.browser_cookie, &fields).await?;
        let latency = start.elapsed();
        if response.status != 303 || response.cookie(COOKIE).is_none() {
            return Err(response.unexpected(&format!("a sign-in of {}", user.email)));
        }
        latencies.push(latency);
    }
    Ok(latencies)
}
