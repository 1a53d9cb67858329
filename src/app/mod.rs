//! The application: its shared parts, the order of its middleware, starting and stopping.

mod connections;
mod guard;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_cors::Cors;
use actix_identity::IdentityMiddleware;
use actix_session::{
    SessionMiddleware,
    config::{BrowserSession, CookieContentSecurity, TtlExtensionPolicy},
};
use actix_web::{
    App, HttpRequest, HttpResponse, ResponseError as _, Scope,
    dev::ServerHandle,
    guard::fn_guard,
    http::{
        Method,
        header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
    },
    middleware::{Condition, from_fn},
    rt::task::JoinHandle,
    web::{self, Data, ServiceConfig},
};
use actix_web_lab::middleware::CatchPanic;

use crate::{
    accounts::{Accounts, setup},
    config::Config,
    db::Db,
    error::Error,
    gate,
    layout::Layout,
    mail::Outbox,
    ops::health::Readiness,
    routes,
    security::{self, api, bodies},
    sessions::{self, Sessions, Store},
    telemetry,
    throttle::Throttle,
    users::{keys, password::Passwords},
};

/// Pause between two attempts to reach a database that is not available yet.
const PREPARE_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Longest time that the start waits for the session store.
const MAX_STORE_WAIT: Duration = Duration::from_secs(1);

/// How long the server waits when it stops for links that were asked for, and then for the mail that is being sent, which another
/// instance or the next start would send again.
const TASK_TIMEOUT: Duration = Duration::from_secs(2);

/// Seconds for which a browser asks no more whether a front end may call. Chromium takes no longer time.
const PREFLIGHT_MAX_AGE: usize = 7_200;

/// How long after a session's absolute end actix-identity's deadline is. More than the second by which the session's state may
/// outlast that end.
const IDENTITY_DEADLINE_DELAY: Duration = Duration::from_secs(2);

/// What handlers and extractors share; each part is registered under its own type.
#[derive(Clone)]
struct Parts {
    config: Data<Config>,
    db: Data<Db>,
    sessions: Data<Sessions>,
    outbox: Data<Outbox>,
    accounts: Data<Accounts>,
    readiness: Data<Readiness>,
}

impl Parts {
    async fn new(config: Config) -> Result<Self, Error> {
        let db = Db::new(&config.stores.database, config.stores.timeout);
        let sessions = Arc::new(Sessions::new(&config, db.clone()).await?);
        let passwords = Passwords::start()?;
        let throttle = Throttle::new(&config, db.clone(), sessions.redis_commands());
        let outbox = Arc::new(Outbox::new(&config, db.clone()));
        let accounts = Accounts::new(
            db.clone(),
            passwords,
            Arc::clone(&sessions),
            throttle,
            config.accounts.clone(),
            Arc::clone(&outbox),
        );
        Ok(Self {
            config: Data::new(config),
            db: Data::new(db),
            sessions: Data::from(sessions),
            outbox: Data::from(outbox),
            accounts: Data::new(accounts),
            readiness: Data::default(),
        })
    }
}

/// A running server.
pub struct Running {
    /// The address that it listens on.
    pub addr: SocketAddr,
    /// A one-time link to make the first administrator, while there is none.
    pub setup_link: Option<String>,
    sessions: Data<Sessions>,
    accounts: Data<Accounts>,
    outbox: Data<Outbox>,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    background: JoinHandle<()>,
    mail: JoinHandle<()>,
    links: JoinHandle<()>,
}

/// Migrates the database and starts serving; when the database can't be reached, it serves already and migrates later. `extra` adds
/// routes inside the session middleware.
///
/// # Errors
/// [`Error::Misconfigured`] when a setting can never work, such as an address that is taken; also when a migration fails.
pub async fn start(
    mut config: Config,
    extra: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Running, Error> {
    // The address is taken first: an instance that can't have it changes nothing in the stores.
    let listener = listen(config.server.listen_addr)?;
    let addr = listener.local_addr().map_err(Error::internal)?;
    config.server.listens_on(addr);
    let parts = Parts::new(config).await?;
    let setup_link = connect(&parts).await?;
    let shared = parts.clone();
    let app = move || {
        let parts = shared.clone();
        let extra = extra.clone();
        // The last `wrap` is outermost: the guard sees every failure, including a panic or an error of the session middleware;
        // the request's context is open while the session middleware uses the store.
        App::new()
            .configure(|app| share(app, &parts))
            .configure(|app| add_routes(app, "", routes::without_session()))
            .service(pages_host(&parts.config))
            .service(
                web::scope(api::PREFIX)
                    .wrap(identity_middleware(&parts.config))
                    .wrap(session_middleware(&parts))
                    .wrap(from_fn(sessions::with_context))
                    .wrap(cors(&parts.config))
                    .configure(|app| add_routes(app, api::PREFIX, routes::calls()))
                    .default_service(web::to(not_found)),
            )
            .service(
                web::scope("")
                    .wrap(identity_middleware(&parts.config))
                    .wrap(session_middleware(&parts))
                    .wrap(from_fn(sessions::with_context))
                    .configure(|app| add_routes(app, "", routes::with_session()))
                    .configure(extra)
                    .default_service(web::to(not_found)),
            )
            .default_service(web::to(unknown))
            .wrap(CatchPanic::default())
            .wrap(from_fn(guard::guard))
    };
    let server = connections::serve(listener, &parts.config.server, app).map_err(Error::internal)?;
    let background = actix_web::rt::spawn(background(parts.clone()));
    let mail = actix_web::rt::spawn(parts.outbox.clone().into_inner().run());
    let links = actix_web::rt::spawn(Accounts::clone(&parts.accounts).make_links());
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);
    let Parts { sessions, accounts, outbox, .. } = parts;
    Ok(Running { addr, setup_link, sessions, accounts, outbox, handle, server, background, mail, links })
}

/// What goes on beside the requests.
async fn background(parts: Parts) {
    tokio::join!(
        parts.sessions.into_inner().background(),
        parts.accounts.throttle().sweep(),
        telemetry::report_left_out(),
    );
}

fn listen(addr: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(addr).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::AddrInUse => format!("{addr} is in use by another program"),
            io::ErrorKind::AddrNotAvailable => {
                format!("this machine does not have the address {}", addr.ip())
            }
            io::ErrorKind::PermissionDenied => format!("this user may not listen on {addr}"),
            _ => format!("{addr} can't be listened on: {error}"),
        };
        Error::misconfigured("LISTEN_ADDR", reason)
    })
}

/// Migrates the database and waits at most [`MAX_STORE_WAIT`] for the store, so that the first requests find both connected. When
/// the database can't be reached, retries in the background. Returns the set-up link, if there is no administrator yet.
async fn connect(parts: &Parts) -> Result<Option<String>, Error> {
    let store_wait = parts.config.stores.timeout.min(MAX_STORE_WAIT);
    let (prepared, _) = tokio::join!(prepare(parts), parts.sessions.wait(store_wait));
    match prepared {
        Ok(link) => Ok(link),
        Err(error @ Error::Unavailable(_)) => {
            tracing::error!(error = ?error.causes(), "the database is not reached, trying again until it is");
            actix_web::rt::spawn(retry_prepare(parts.clone()));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Registers the shared parts and the settings of the extractors with the application.
fn share(app: &mut ServiceConfig, parts: &Parts) {
    app.app_data(parts.config.clone())
        .app_data(parts.db.clone())
        .app_data(parts.sessions.clone())
        .app_data(parts.outbox.clone())
        .app_data(parts.accounts.clone())
        .app_data(Data::from(parts.accounts.site_set_up()))
        .app_data(parts.readiness.clone())
        .app_data(web::PayloadConfig::new(bodies::MAX_BYTES))
        .app_data(web::PathConfig::default().error_handler(|_, _| Error::NotFound.into()));
}

impl Running {
    /// Waits until the server has stopped.
    ///
    /// # Errors
    /// When serving failed.
    pub async fn wait(&mut self) -> Result<(), Error> {
        (&mut self.server).await.map_err(Error::internal)?.map_err(Error::internal)
    }

    /// Waits for open requests, at most 10 seconds, and for the mail that is being sent, stops the server and writes what is
    /// queued.
    pub async fn stop(self) {
        self.sessions.bus().stop();
        self.handle.stop(true).await;
        self.accounts.stop_links();
        end(self.links).await;
        self.outbox.stop();
        end(self.mail).await;
        self.background.abort();
        self.sessions.flush().await;
    }
}

/// Waits for a task that was asked to end.
async fn end(mut task: JoinHandle<()>) {
    if tokio::time::timeout(TASK_TIMEOUT, &mut task).await.is_err() {
        task.abort();
    }
}

/// Migrates the database. Returns the set-up link, if there is no administrator yet.
async fn prepare(parts: &Parts) -> Result<Option<String>, Error> {
    let migrations = parts.db.prepare(keys::fill).await?;
    if migrations > 0 {
        tracing::info!(migrations, "database migrated");
    }
    // The lookup takes its connection before requests fill the pool.
    parts.sessions.check_lookup().await?;
    parts.accounts.setup_link(&parts.config.server).await
}

/// Retries until the database is reached; until then requests that need it answer 503.
async fn retry_prepare(parts: Parts) {
    let mut logged = String::new();
    loop {
        tokio::time::sleep(PREPARE_RETRY_DELAY).await;
        match prepare(&parts).await {
            Ok(link) => {
                tracing::info!("the database is reached");
                setup::print_link(link.as_deref());
                return;
            }
            Err(Error::Unavailable(_)) => {}
            Err(error) => {
                let causes = error.causes();
                if logged != causes {
                    tracing::error!(error = ?causes, "the database could not be prepared, trying again");
                    logged = causes;
                }
            }
        }
    }
}

/// What is served at `PAGES_HOST`: nothing of this site's own.
fn pages_host(config: &Data<Config>) -> Scope {
    let config = config.clone();
    web::scope("")
        .guard(fn_guard(move |asked| security::pages_host::is_asked_for(&config.server, asked.head())))
        .configure(|app| add_routes(app, "", routes::at_pages_host()))
        .default_service(web::to(gate::pages_host::elsewhere))
}

fn add_routes(app: &mut ServiceConfig, below: &str, table: routes::Table) {
    for resource in table.into_resources(below) {
        app.service(resource);
    }
}

/// Lets front ends of `FRONTEND_URL` call with the session's cookie and read what is answered; there are none without it.
fn cors(config: &Config) -> Condition<Cors> {
    let origins = config.server.frontends.origins();
    let cors = origins.iter().fold(Cors::default(), |cors, origin| cors.allowed_origin(origin));
    let cors = cors
        .allowed_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allowed_headers([ACCEPT, AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([RETRY_AFTER])
        .supports_credentials()
        .max_age(PREFLIGHT_MAX_AGE);
    Condition::new(!origins.is_empty(), cors)
}

/// Answers what no route has: 404, or 405 for a method that none takes (RFC 9110 §9.1).
async fn not_found(req: HttpRequest, _: Layout) -> HttpResponse {
    unknown(req).await
}

/// The same for what is no path, such as the `*` of `OPTIONS *`, which the session middleware never sees.
async fn unknown(req: HttpRequest) -> HttpResponse {
    match *req.method() {
        Method::GET | Method::HEAD | Method::POST => Error::NotFound.error_response(),
        _ => HttpResponse::MethodNotAllowed().insert_header((ALLOW, "GET, HEAD, POST")).finish(),
    }
}

/// actix-session with the store of this crate. The cookie ends with the browser; `sessions::with_context` adds the `Max-Age` of a
/// remembered session.
fn session_middleware(parts: &Parts) -> SessionMiddleware<Store> {
    let config = &parts.config.session;
    let lifecycle = BrowserSession::default().state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    SessionMiddleware::builder(
        Store::on_this_thread(parts.sessions.clone().into_inner()),
        config.secret.cookie_key(),
    )
    .cookie_name(config.cookie_name.clone())
    .cookie_secure(parts.config.server.is_https())
    .cookie_http_only(true)
    .cookie_same_site(config.same_site.into())
    .cookie_domain(config.cookie_domain.clone())
    .cookie_content_security(CookieContentSecurity::Private)
    .session_lifecycle(lifecycle)
    .build()
}

/// actix-identity with a deadline after the absolute end that state and catalogue know: at its deadline actix-identity purges the
/// session for the whole request, and a sign-in that still sends the old cookie would start no session.
fn identity_middleware(config: &Config) -> IdentityMiddleware {
    let deadline = config.session.absolute_ttl.saturating_add(IDENTITY_DEADLINE_DELAY);
    IdentityMiddleware::builder().login_deadline(Some(deadline)).build()
}
