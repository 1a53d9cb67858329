//! The clients that generate the load on both servers. Each sends requests until a given time and checks every response.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::{
    client::{Connection, Response},
    coding::Coding,
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

/// One in this many compressed bodies is decoded to check it; of the others the headers are. The clients share the machine with the
/// server.
const DECODED: usize = 16;

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

    /// Whether a response is the user's own in that coding. With `decode` it is read, otherwise it is what it says it is.
    fn is_coded_for(
        self,
        user: &User,
        response: &Response<'_>,
        coding: Option<Coding>,
        decode: bool,
    ) -> Result<bool> {
        ensure!(
            response.header("content-encoding") == coding.map(Coding::name),
            "another coding:\n{}",
            response.head
        );
        match coding {
            None => Ok(self.is_for(user, response)),
            Some(coding) if decode => {
                let plain = Response { body: &coding.decode(response.body)?, ..*response };
                Ok(self.is_for(user, &plain))
            }
            Some(_) => Ok(response.status == 200),
        }
    }

    /// The bytes of a user's page in that coding.
    pub async fn bytes(self, server: Server, user: &User, coding: Option<Coding>) -> Result<usize> {
        let mut connection = Connection::open(server.port).await?;
        let response = connection.get_coded(self.path(), (server.cookie)(user), coding).await?;
        ensure!(self.is_coded_for(user, &response, coding, true)?, response.unexpected(self.path()));
        Ok(response.body.len())
    }
}

/// Starts clients that read a page until `end`.
pub fn readers(
    page: Page,
    server: Server,
    users: &Arc<[User]>,
    count: usize,
    pause: Option<Duration>,
    coding: Option<Coding>,
    end: Instant,
) -> JoinSet<Result<Vec<Duration>>> {
    let reader = |seed| read(page, server, Arc::clone(users), seed, end, pause, coding);
    (0..count).map(reader).collect()
}

/// The latencies of all clients; the first unexpected response ends the run.
pub async fn all(mut clients: JoinSet<Result<Vec<Duration>>>) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while let Some(done) = clients.join_next().await {
        latencies.extend(done??);
    }
    Ok(latencies)
}

/// Fetches a page, each time as another user, until `end`, and returns the latency of each request.
async fn read(
    page: Page,
    server: Server,
    users: Arc<[User]>,
    seed: usize,
    end: Instant,
    pause: Option<Duration>,
    coding: Option<Coding>,
) -> Result<Vec<Duration>> {
    let (mut random, mut latencies) = (Random::new(seed), Vec::with_capacity(100_000));
    let mut connection = Connection::open(server.port).await?;
    while Instant::now() < end {
        let user = random.choose(&users);
        let start = Instant::now();
        let response = connection.get_coded(page.path(), (server.cookie)(user), coding).await?;
        let latency = start.elapsed();
        if !page.is_coded_for(user, &response, coding, latencies.len() % DECODED == 0)? {
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
