//! The real application on real stores, fresh for every test.

use std::{
    fmt,
    fs::File,
    io::Read,
    net::SocketAddr,
    ops::Deref,
    sync::{Arc, Mutex},
};

use actix_web::web::ServiceConfig;

use super::{
    client::{Client, path_of},
    instance::{Adjustment, Instance, STOP_DEADLINE},
    postgres::PostgresServer,
    program::{OpenFiles, Program, Vars},
    redis::{RedisDatabase, RedisServer},
    stack::{Backend, Stack},
    stores::{StoreOptions, Stores},
};

/// Routes of a test's own, added to the application's.
pub(super) type Routes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// One running instance. Dropping it stops it; the stores go with the last instance that uses them.
///
/// It dereferences to its [`Stores`], whose fixtures (`app.user_id(&ada)`, `app.redis()`) are called on it.
pub struct TestApp {
    instance: Option<Instance>,
    address: Arc<Mutex<SocketAddr>>,
    setup_link: Option<String>,
    ops_addr: Option<SocketAddr>,
    vars: Vars,
    routes: Routes,
    adjustment: Adjustment,
    stores: Arc<Stores>,
    set_up: bool,
}

impl TestApp {
    /// Starts the application with its defaults, but with a long timeout for the stores.
    pub async fn start(stack: Stack) -> Self {
        Self::builder(stack).start().await
    }

    /// Prepares an application with other settings.
    pub fn builder(stack: Stack) -> Builder {
        Builder {
            stack,
            options: StoreOptions::default(),
            vars: vec![
                ("LISTEN_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
                ("SESSION_SECRET".to_owned(), random_secret()),
                ("THROTTLE".to_owned(), "off".to_owned()),
                // Other mail is counted; tests of the notices turn them on.
                ("NOTICES".to_owned(), "off".to_owned()),
                // Other events are counted; tests of the tripwire turn it on.
                ("TRIPWIRE".to_owned(), "off".to_owned()),
                // Rows of a test may be as old as it needs them; tests of the history set their own.
                ("SESSION_HISTORY".to_owned(), "forever".to_owned()),
                ("EVENT_HISTORY".to_owned(), "forever".to_owned()),
                // Other tests keep the machine busy, which is no failure; tests of failures set their own timeout.
                ("STORE_TIMEOUT".to_owned(), "5s".to_owned()),
            ],
            routes: Arc::new(|_| {}),
            adjustment: |_| {},
            set_up: true,
            open_files: None,
        }
    }

    /// Prepares an application that keeps the state of its sessions in this backend.
    pub fn builder_on(backend: Backend) -> Builder {
        Self::builder(backend.stack()).sessions_in(backend)
    }

    /// A browser without cookies. It follows the application through restarts.
    pub fn client(&self) -> Client {
        Client::new(self.address())
    }

    /// A client of the operator's listener, see [`Builder::with_ops`].
    pub fn ops(&self) -> Client {
        Client::new(Arc::new(Mutex::new(self.ops_addr.unwrap())))
    }

    /// Where the application listens.
    pub fn addr(&self) -> SocketAddr {
        *self.address.lock().unwrap()
    }

    pub(super) fn address(&self) -> Arc<Mutex<SocketAddr>> {
        self.address.clone()
    }

    /// The address of one of the application's pages, for a browser. A full address keeps its path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{}", self.addr(), path_of(path))
    }

    /// The one-time link for the first administrator: its path and query.
    pub fn setup_link(&self) -> Option<&str> {
        self.setup_link.as_deref().map(path_of)
    }

    /// The link as it is printed.
    pub fn printed_setup_link(&self) -> Option<&str> {
        self.setup_link.as_deref()
    }

    /// Lets the running application see an administrator, so that it takes the site as set up and people can register.
    pub async fn suppose_set_up(&self) {
        let administrator = self.stores.passing_administrator();
        self.client().get("/register").await.expect(200).form("/register");
        drop(administrator);
    }

    /// The stores, for tests that outlive the application.
    pub fn stores(&self) -> Arc<Stores> {
        self.stores.clone()
    }

    /// Another instance with the same settings on the same stores.
    pub async fn second_instance(&self) -> Self {
        self.instance_with(&[]).await
    }

    /// Another instance on the same stores with other settings.
    pub async fn instance_with(&self, vars: &[(&str, &str)]) -> Self {
        let vars = replaced(self.vars.clone(), vars);
        let with = (self.routes.clone(), self.adjustment);
        let launched = launch(vars, with, self.stores.clone(), self.set_up).await;
        launched.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Another instance with the same settings on the same stores, in a process of its own, which can be killed.
    pub fn second_program(&self) -> Program {
        self.second_program_with(&[])
    }

    /// Another instance with other settings.
    pub fn second_program_with(&self, vars: &[(&str, String)]) -> Program {
        let vars: Vec<_> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Program::serve(replaced(self.vars.clone(), &vars), self.stores.clone(), self.set_up, None)
    }

    /// Stops the application and starts it again on the same stores; clients keep their cookies and find it again.
    pub async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// Restarts the application with other settings.
    pub async fn restart_with(&mut self, vars: &[(&str, &str)]) {
        self.stop().await;
        let mut next = self.instance_with(vars).await;
        *self.address.lock().unwrap() = next.addr();
        self.instance = next.instance.take();
        self.setup_link = next.setup_link.take();
        self.ops_addr = next.ops_addr;
        self.vars = std::mem::take(&mut next.vars);
    }

    /// Stops the application once the requests in flight are answered. Its stores stay until it is dropped.
    pub async fn stop(&mut self) {
        if let Some(instance) = self.instance.take() {
            let stopped = tokio::task::spawn_blocking(move || instance.stop()).await.unwrap();
            assert!(stopped, "the application did not stop within {STOP_DEADLINE:?}");
        }
    }
}

impl Deref for TestApp {
    type Target = Stores;

    fn deref(&self) -> &Stores {
        &self.stores
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
    options: StoreOptions,
    vars: Vars,
    routes: Routes,
    adjustment: Adjustment,
    set_up: bool,
    open_files: Option<OpenFiles>,
}

impl Builder {
    /// Limits the files that a program of its own may have open.
    pub fn open_files(mut self, limits: OpenFiles) -> Self {
        self.open_files = Some(limits);
        self
    }

    /// Starts the application on a site that is not set up: it has a link for the first administrator, and nobody can register.
    pub fn not_set_up(mut self) -> Self {
        self.set_up = false;
        self
    }

    /// Sets one of the application's variables.
    pub fn var(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.vars = replaced(self.vars, &[(name, &value.to_string())]);
        self
    }

    /// Starts the operator's listener too.
    pub fn with_ops(self) -> Self {
        self.var("OPS_ADDR", "127.0.0.1:0")
    }

    /// Adds routes of the test's own, such as one that waits at a barrier.
    pub fn routes(mut self, routes: impl Fn(&mut ServiceConfig) + Send + Sync + 'static) -> Self {
        self.routes = Arc::new(routes);
        self
    }

    /// Changes the configuration in a way in which no variable may: an instance in this process then has it so.
    pub fn adjust(mut self, adjustment: Adjustment) -> Self {
        self.adjustment = adjustment;
        self
    }

    /// Puts a fault proxy in front of Redis and of Postgres.
    pub fn through_proxies(mut self) -> Self {
        self.options.proxied = true;
        self
    }

    /// Keeps the state of the sessions where this backend has it: [`Backend::Postgres`] goes without Redis.
    pub fn sessions_in(mut self, backend: Backend) -> Self {
        self.options.sessions_in_sql = backend != Backend::Redis;
        self
    }

    /// Makes the Postgres database with these options of `CREATE DATABASE`, such as a locale; the application migrates it.
    pub fn database(mut self, made_with: &'static str) -> Self {
        self.options.database_made_with = Some(made_with);
        self
    }

    /// Uses a Redis server of the test's own.
    pub fn on_redis(mut self, server: &RedisServer) -> Self {
        self.options.redis = Some(server.database());
        self
    }

    /// Uses the Redis at the address of a database: sentinels or a cluster of the test's own.
    pub fn on_redis_at(mut self, database: RedisDatabase) -> Self {
        self.options.redis = Some(database);
        self
    }

    /// Uses a Postgres cluster of the test's own.
    pub fn on_postgres(self, server: &PostgresServer) -> Self {
        self.on_postgres_at(server.url())
    }

    /// Uses the Postgres at an address: several hosts, or a pooler.
    pub fn on_postgres_at(mut self, url: String) -> Self {
        self.options.database_url = Some(url);
        self
    }

    /// Starts the application in this process.
    pub async fn start(self) -> TestApp {
        self.try_start().await.unwrap_or_else(|error| panic!("the application did not start: {error}"))
    }

    /// Starts the application in this process; the error is what it says of why it can't start.
    pub async fn try_start(self) -> Result<TestApp, String> {
        let stores = Arc::new(Stores::new(self.stack, self.options));
        launch(self.vars, (self.routes, self.adjustment), stores, self.set_up).await
    }

    /// Starts the program in a process of its own, which can be killed; it has no routes but its own.
    pub fn start_program(self) -> Program {
        let stores = Arc::new(Stores::new(self.stack, self.options));
        Program::serve(self.vars, stores, self.set_up, self.open_files)
    }
}

async fn launch(
    vars: Vars,
    (routes, adjustment): (Routes, Adjustment),
    stores: Arc<Stores>,
    set_up: bool,
) -> Result<TestApp, String> {
    // A variable that the test sets wins: a test may lead the application to another store.
    let all = stores.vars().into_iter().filter(|(name, _)| !vars.iter().any(|(known, _)| known == name));
    let all = all.chain(vars.clone()).collect();
    if set_up {
        stores.migrate();
    }
    let administrator = set_up.then(|| stores.passing_administrator());
    let started = Instance::start(all, routes.clone(), adjustment).await;
    drop(administrator);
    let started = started?;
    let (instance, address, ops_addr) = (Some(started.instance), started.address, started.ops_addr);
    let setup_link = started.setup_link;
    Ok(TestApp { instance, address, setup_link, ops_addr, vars, routes, adjustment, stores, set_up })
}

fn replaced(mut vars: Vars, changes: &[(&str, &str)]) -> Vars {
    for (name, value) in changes {
        vars.retain(|(known, _)| known != name);
        vars.push(((*name).to_owned(), (*value).to_owned()));
    }
    vars
}

/// 64 random bytes as hexadecimal digits.
pub fn random_secret() -> String {
    let mut bytes = [0_u8; 64];
    File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
