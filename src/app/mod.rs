//! The application: its shared parts, the order of its middleware, starting and stopping.

mod guard;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_identity::IdentityMiddleware;
use actix_session::{
    SessionMiddleware,
    config::{BrowserSession, CookieContentSecurity, TtlExtensionPolicy},
};
use actix_web::{
    App, HttpResponse, HttpServer, ResponseError as _,
    dev::ServerHandle,
    middleware::from_fn,
    rt::task::JoinHandle,
    web::{self, Data, ServiceConfig},
};
use actix_web_lab::middleware::CatchPanic;

use crate::{
    accounts::{Accounts, setup},
    config::Config,
    db::Db,
    error::Error,
    layout::Layout,
    routes,
    security::bodies,
    sessions::{self, Sessions, Store},
    users::password::Passwords,
};

/// Longest time for the headers of a request to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two tries to reach a database that is not up yet.
const PREPARE_PAUSE: Duration = Duration::from_millis(500);

/// Longest time that the start waits for the session store.
const LONGEST_STORE_WAIT: Duration = Duration::from_secs(1);

/// Seconds that requests under way have when the server stops.
const STOP_SECONDS: u64 = 10;

/// More than the second by which a session's state may outlast its absolute end.
const AFTER_ABSOLUTE_END: Duration = Duration::from_secs(2);

/// What handlers and extractors share, each part under its own type.
#[derive(Clone)]
struct Parts {
    config: Data<Config>,
    db: Data<Db>,
    sessions: Data<Sessions>,
    accounts: Data<Accounts>,
}

impl Parts {
    async fn new(config: Config) -> Result<Self, Error> {
        let db = Db::new(&config.stores.database, config.stores.timeout);
        let sessions = Arc::new(Sessions::new(&config, db.clone()).await?);
        let passwords = Passwords::start()?;
        let accounts = Accounts::new(db.clone(), passwords, Arc::clone(&sessions), config.accounts.clone());
        Ok(Self {
            config: Data::new(config),
            db: Data::new(db),
            sessions: Data::from(sessions),
            accounts: Data::new(accounts),
        })
    }
}

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The one-time link to make the first administrator, while there are no users.
    pub setup_link: Option<String>,
    sessions: Data<Sessions>,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    background: JoinHandle<()>,
}

/// Migrates the database and starts serving; a database that is not reached yet is waited for beside that. `extra`
/// adds routes inside the session's middleware.
///
/// # Errors
/// When a migration fails or the address can't be listened on.
pub async fn start(
    config: Config,
    extra: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Running, Error> {
    let parts = Parts::new(config).await?;
    let setup_link = connect(&parts).await?;
    let shared = parts.clone();
    let server = HttpServer::new(move || {
        let parts = shared.clone();
        let extra = extra.clone();
        // The last `wrap` runs first: the guard sees every failure, including a panic or an error of the session middleware;
        // the request's context is open while the session middleware uses the store.
        App::new()
            .configure(|app| share(app, &parts))
            .configure(|app| add(app, routes::without_session()))
            .service(
                web::scope("")
                    .wrap(identity(&parts.config))
                    .wrap(session(&parts))
                    .wrap(from_fn(sessions::with_context))
                    .configure(|app| add(app, routes::with_session()))
                    .configure(extra)
                    .default_service(web::to(not_found)),
            )
            .wrap(CatchPanic::default())
            .wrap(from_fn(guard::guard))
    })
    .client_request_timeout(HEADER_TIMEOUT)
    .shutdown_timeout(STOP_SECONDS)
    .disable_signals()
    .bind(parts.config.server.listen_addr)
    .map_err(Error::internal)?;
    let addr = server.addrs().first().copied().ok_or_else(|| Error::bug("no address to listen on"))?;
    let background = actix_web::rt::spawn(parts.sessions.clone().into_inner().background());
    let server = server.run();
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);
    Ok(Running { addr, setup_link, sessions: parts.sessions, handle, server, background })
}

/// Migrates the database and waits shortly for the store, so that the first requests find both connected. A database that is
/// not reached is tried again in the background. Returns the set-up link, if there are no users yet.
async fn connect(parts: &Parts) -> Result<Option<String>, Error> {
    let store_wait = parts.config.stores.timeout.min(LONGEST_STORE_WAIT);
    let (prepared, _) = tokio::join!(prepare(parts), parts.sessions.wait(store_wait));
    match prepared {
        Ok(link) => Ok(link),
        Err(error @ Error::Unavailable(_)) => {
            tracing::error!(error = ?error.causes(), "the database is not reached, trying again until it is");
            actix_web::rt::spawn(prepare_later(parts.clone()));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Puts the shared parts and the settings of the extractors into the application.
fn share(app: &mut ServiceConfig, parts: &Parts) {
    app.app_data(parts.config.clone())
        .app_data(parts.db.clone())
        .app_data(parts.sessions.clone())
        .app_data(parts.accounts.clone())
        .app_data(web::PayloadConfig::new(bodies::MAX_BYTES))
        .app_data(web::QueryConfig::default().error_handler(|error, _| {
            Error::BadRequest(format!("The address of this page can't be read: {error}.")).into()
        }))
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

    /// Lets requests under way finish, then stops and writes what waits to be written.
    pub async fn stop(self) {
        self.sessions.bus().stop();
        self.handle.stop(true).await;
        self.background.abort();
        self.sessions.flush().await;
    }
}

/// Migrates the database. Returns the set-up link, if there are no users yet.
async fn prepare(parts: &Parts) -> Result<Option<String>, Error> {
    let migrations = parts.db.prepare().await?;
    if migrations > 0 {
        tracing::info!(migrations, "database migrated");
    }
    parts.accounts.setup_link(&parts.config.server).await
}

/// Tries again until the database is reached; until then whatever needs it answers 503.
async fn prepare_later(parts: Parts) {
    loop {
        tokio::time::sleep(PREPARE_PAUSE).await;
        match prepare(&parts).await {
            Ok(link) => {
                tracing::info!("the database is reached");
                setup::print_link(link.as_deref());
                return;
            }
            Err(Error::Unavailable(_)) => {}
            Err(error) => tracing::error!(error = ?error.causes(), "the database could not be prepared"),
        }
    }
}

fn add(app: &mut ServiceConfig, table: routes::Table) {
    for resource in table.into_resources() {
        app.service(resource);
    }
}

async fn not_found(_: Layout) -> HttpResponse {
    Error::NotFound.error_response()
}

/// actix-session over our store. The cookie ends with the browser; a remembered one gets its `Max-Age` outside.
fn session(parts: &Parts) -> SessionMiddleware<Store> {
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

/// Later than the state and the catalogue know the absolute end: at its deadline actix-identity purges the session
/// for the whole request, and a sign-in that still brings the old cookie would start none.
fn identity(config: &Config) -> IdentityMiddleware {
    let deadline = config.session.absolute_ttl.saturating_add(AFTER_ABSOLUTE_END);
    IdentityMiddleware::builder().login_deadline(Some(deadline)).build()
}
