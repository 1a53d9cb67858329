//! The real application on real stores, fresh for every test.

use std::{
    fmt,
    fs::File,
    io::Read,
    net::SocketAddr,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use actix_web::web::ServiceConfig;
use gatehouse::config::Config;
use tokio::sync::oneshot;

use super::{
    client::{Client, path_of},
    postgres::PostgresServer,
    program::Program,
    redis::{RedisDatabase, RedisServer},
    stores::{Stores, Wishes},
};

/// How long an application may take to stop before the test goes on without it.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// What the application stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// SQLite alone: what a newcomer's `cargo run` uses.
    Sqlite,
    /// Postgres, with the sessions in Redis: production.
    PostgresRedis,
}

/// Makes two tests of one, `name::sqlite` and `name::postgres_redis`.
///
/// ```ignore
/// on_both_stacks!(the_front_page_is_public, |stack| async {
///     let app = TestApp::start(stack).await;
///     app.client().get("/").await.expect(200);
/// });
/// ```
macro_rules! on_both_stacks {
    ($name:ident, |$stack:ident| async $body:block) => {
        mod $name {
            use super::*;

            async fn body($stack: $crate::support::Stack) $body

            #[actix_web::test]
            async fn sqlite() {
                body($crate::support::Stack::Sqlite).await;
            }

            #[actix_web::test]
            async fn postgres_redis() {
                body($crate::support::Stack::PostgresRedis).await;
            }
        }
    };
}
pub(crate) use on_both_stacks;

type Vars = Vec<(String, String)>;
type Routes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// One running instance. Dropping it stops it; the stores go with the last instance that uses them.
pub struct TestApp {
    instance: Option<Instance>,
    address: Arc<Mutex<SocketAddr>>,
    setup_link: Option<String>,
    vars: Vars,
    routes: Routes,
    stores: Arc<Stores>,
}

impl TestApp {
    /// Starts the application as it is by default, but without a throttle and with patience for slow stores.
    pub async fn start(stack: Stack) -> Self {
        Self::builder(stack).start().await
    }

    /// Starts it in another way.
    pub fn builder(stack: Stack) -> Builder {
        Builder {
            stack,
            wishes: Wishes::default(),
            vars: vec![
                ("LISTEN_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
                ("SESSION_SECRET".to_owned(), random_secret()),
                ("THROTTLE".to_owned(), "off".to_owned()),
                // A machine that is busy with other tests is no failure; tests of failures set it themselves.
                ("STORE_TIMEOUT".to_owned(), "5s".to_owned()),
            ],
            routes: Arc::new(|_| {}),
        }
    }

    /// A browser without cookies. It follows the application through restarts.
    pub fn client(&self) -> Client {
        Client::new(self.address())
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        *self.address.lock().unwrap()
    }

    pub(super) fn address(&self) -> Arc<Mutex<SocketAddr>> {
        self.address.clone()
    }

    /// The address of one of its pages, for a browser. A full address keeps its path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{}", self.addr(), path_of(path))
    }

    /// The one-time link for the first administrator: its path and query.
    pub fn setup_link(&self) -> Option<&str> {
        self.setup_link.as_deref().map(path_of)
    }

    /// The stores, for tests that outlive the application.
    pub fn stores(&self) -> Arc<Stores> {
        self.stores.clone()
    }

    /// See [`Stores::sql`].
    #[track_caller]
    pub fn sql(&self, statement: &str) -> usize {
        self.stores.sql(statement)
    }

    /// See [`Stores::query_text`].
    #[track_caller]
    pub fn query_text(&self, select: &str) -> Vec<Vec<Option<String>>> {
        self.stores.query_text(select)
    }

    /// See [`Stores::query_one`].
    #[track_caller]
    pub fn query_one(&self, select: &str) -> Option<String> {
        self.stores.query_one(select)
    }

    /// The test's Redis database.
    #[track_caller]
    pub fn redis(&self) -> &RedisDatabase {
        self.stores.redis()
    }

    /// Another instance with the same settings on the same stores.
    pub async fn second_instance(&self) -> Self {
        self.instance_with(&[]).await
    }

    /// Another instance on the same stores with other settings.
    pub async fn instance_with(&self, vars: &[(&str, &str)]) -> Self {
        let vars = replaced(self.vars.clone(), vars);
        launch(vars, self.routes.clone(), self.stores.clone()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Stops it and starts it again on the same stores; clients go on where they were.
    pub async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// The same with other settings.
    pub async fn restart_with(&mut self, vars: &[(&str, &str)]) {
        self.stop().await;
        let mut next = self.instance_with(vars).await;
        *self.address.lock().unwrap() = next.addr();
        self.instance = next.instance.take();
        self.setup_link = next.setup_link.take();
        self.vars = std::mem::take(&mut next.vars);
    }

    /// Stops it, waiting for the requests in flight. Its stores stay until it is dropped.
    pub async fn stop(&mut self) {
        if let Some(instance) = self.instance.take() {
            let stopped = tokio::task::spawn_blocking(move || instance.stop()).await.unwrap();
            assert!(stopped, "the application did not stop within {STOP_DEADLINE:?}");
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(instance) = self.instance.take()
            && !instance.stop()
        {
            eprintln!("the application did not stop within {STOP_DEADLINE:?}; the test goes on without it");
        }
    }
}

/// An application before it is started.
pub struct Builder {
    stack: Stack,
    wishes: Wishes,
    vars: Vars,
    routes: Routes,
}

impl Builder {
    /// Sets one of the application's variables.
    pub fn var(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.vars = replaced(self.vars, &[(name, &value.to_string())]);
        self
    }

    /// Adds routes of the test's own, such as one that waits for a barrier.
    pub fn routes(mut self, routes: impl Fn(&mut ServiceConfig) + Send + Sync + 'static) -> Self {
        self.routes = Arc::new(routes);
        self
    }

    /// Puts a [`super::FaultProxy`] in front of Redis and of Postgres.
    pub fn through_proxies(mut self) -> Self {
        self.wishes.proxied = true;
        self
    }

    /// Uses a Redis server of the test's own.
    pub fn on_redis(mut self, server: &RedisServer) -> Self {
        self.wishes.redis_url = Some(server.url());
        self
    }

    /// Uses a Postgres cluster of the test's own.
    pub fn on_postgres(mut self, server: &PostgresServer) -> Self {
        self.wishes.database_url = Some(server.url());
        self
    }

    /// Starts it in this process.
    pub async fn start(self) -> TestApp {
        self.try_start().await.unwrap_or_else(|error| panic!("the application did not start: {error}"))
    }

    /// Starts it in this process, unless it says why not.
    pub async fn try_start(self) -> Result<TestApp, String> {
        let stores = Arc::new(Stores::new(self.stack, self.wishes));
        launch(self.vars, self.routes, stores).await
    }

    /// Starts the program itself, to be killed; its own routes are all it has.
    pub fn start_program(self) -> Program {
        let stores = Arc::new(Stores::new(self.stack, self.wishes));
        Program::serve(self.vars, stores)
    }
}

/// The application's thread. It has one of its own so that a test may block, panic, or end without stopping it first.
struct Instance {
    stop: oneshot::Sender<()>,
    stopped: mpsc::Receiver<()>,
}

impl Instance {
    /// Stops it; false when that takes too long.
    fn stop(self) -> bool {
        // An error means that the thread has ended already.
        let _ = self.stop.send(());
        !matches!(self.stopped.recv_timeout(STOP_DEADLINE), Err(mpsc::RecvTimeoutError::Timeout))
    }
}

async fn launch(vars: Vars, routes: Routes, stores: Arc<Stores>) -> Result<TestApp, String> {
    let (stop, stopping) = oneshot::channel();
    let (ended, stopped) = mpsc::channel();
    let (started, start) = oneshot::channel();
    // What the builder was told wins: a test may lead the application somewhere else.
    let all = stores.vars().into_iter().filter(|(name, _)| !vars.iter().any(|(known, _)| known == name));
    let all: Vars = all.chain(vars.clone()).collect();
    let extra = routes.clone();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let running = match Config::from_vars(all) {
                Ok(config) => {
                    let app = gatehouse::app::start(config, move |cfg: &mut ServiceConfig| extra(cfg));
                    app.await.map_err(|error| format!("{error:#}"))
                }
                Err(mistakes) => Err(mistakes.to_string()),
            };
            match running {
                Ok(running) => {
                    if started.send(Ok((running.addr, running.setup_link.clone()))).is_ok() {
                        let _ = stopping.await;
                    }
                    running.stop().await;
                }
                Err(error) => drop(started.send(Err(error))),
            }
        });
        drop(ended);
    });
    let started = start.await.unwrap_or_else(|_| Err("it panicked while starting".to_owned()));
    let (addr, setup_link) = started?;
    let instance = Some(Instance { stop, stopped });
    Ok(TestApp { instance, address: Arc::new(Mutex::new(addr)), setup_link, vars, routes, stores })
}

fn replaced(mut vars: Vars, changes: &[(&str, &str)]) -> Vars {
    for (name, value) in changes {
        vars.retain(|(known, _)| known != name);
        vars.push(((*name).to_owned(), (*value).to_owned()));
    }
    vars
}

/// 64 random bytes as hexadecimal digits.
fn random_secret() -> String {
    let mut bytes = [0_u8; 64];
    File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
