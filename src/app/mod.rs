//! The application: its shared parts, the order of its middleware, starting and stopping.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_identity::IdentityMiddleware;
use actix_session::{
    SessionMiddleware,
    config::{BrowserSession, CookieContentSecurity, TtlExtensionPolicy},
};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, ResponseError as _,
    dev::ServerHandle,
    middleware::from_fn,
    rt::task::JoinHandle,
    web::{self, Data, ServiceConfig},
};
use actix_web_lab::middleware::CatchPanic;

use crate::{
    accounts::setup,
    config::Config,
    db::Db,
    error::Error,
    layout::Layout,
    routes, security,
    sessions::{Sessions, Store, request_context},
    users::password::Passwords,
};

/// Longest time for the headers of a request to arrive.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// Between two tries to reach a database that is not up yet.
const PREPARE_PAUSE: Duration = Duration::from_millis(500);

/// Longest time that the start waits for the session store.
const LONGEST_STORE_WAIT: Duration = Duration::from_secs(1);

/// Seconds that requests under way have when the server stops.
const STOP_SECONDS: u64 = 10;

/// More than the second by which a session's state may outlast its absolute end.
const AFTER_ABSOLUTE_END: Duration = Duration::from_secs(2);

/// What all handlers share.
pub struct Site {
    /// The settings.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The hashing threads.
    pub passwords: Passwords,
    /// The sessions.
    pub sessions: Arc<Sessions>,
}

impl Site {
    /// The site that a request was made to.
    ///
    /// # Errors
    /// Never in an application made by [`start`].
    pub fn of(req: &HttpRequest) -> Result<&Data<Self>, Error> {
        req.app_data::<Data<Self>>().ok_or_else(|| Error::bug("the application has no site"))
    }
}

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The one-time link to make the first administrator, while there are no users.
    pub setup_link: Option<String>,
    site: Data<Site>,
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
    let db = Db::new(&config.database, config.store_timeout);
    let site = Data::new(Site {
        passwords: Passwords::start()?,
        sessions: Arc::new(Sessions::new(&config, db.clone()).await?),
        db,
        config,
    });
    // The first requests find the store connected; one that isn't reached yet is waited for beside the requests.
    let store_wait = site.config.store_timeout.min(LONGEST_STORE_WAIT);
    let (prepared, _) = tokio::join!(prepare(&site), site.sessions.wait(store_wait));
    let setup_link = match prepared {
        Ok(link) => link,
        Err(error @ Error::Unavailable(_)) => {
            tracing::error!(error = ?error.causes(), "the database is not reached, trying again until it is");
            actix_web::rt::spawn(prepare_later(site.clone()));
            None
        }
        Err(error) => return Err(error),
    };
    let shared = site.clone();
    let server = HttpServer::new(move || {
        let site = shared.clone();
        let extra = extra.clone();
        // The last `wrap` runs first: the guard sees every failure, also that of a panic or of the session's
        // middleware; the visit is open while the session's middleware speaks to the store.
        App::new()
            .app_data(site.clone())
            .app_data(web::PayloadConfig::new(security::bodies::LIMIT))
            .app_data(web::QueryConfig::default().error_handler(|error, _| {
                Error::BadRequest(format!("The address of this page can't be read: {error}.")).into()
            }))
            .app_data(web::PathConfig::default().error_handler(|_, _| Error::NotFound.into()))
            .configure(|app| add(app, routes::without_session()))
            .service(
                web::scope("")
                    .wrap(identity(&site.config))
                    .wrap(session(&site))
                    .wrap(from_fn(request_context::open))
                    .configure(|app| add(app, routes::with_session()))
                    .configure(extra)
                    .default_service(web::to(nothing_here)),
            )
            .wrap(CatchPanic::default())
            .wrap(from_fn(security::guard))
    })
    .client_request_timeout(HEADER_TIME)
    .shutdown_timeout(STOP_SECONDS)
    .disable_signals()
    .bind(site.config.server.listen_addr)
    .map_err(Error::internal)?;
    let addr = server.addrs().first().copied().ok_or_else(|| Error::bug("no address to listen on"))?;
    let background = actix_web::rt::spawn(Arc::clone(&site.sessions).background());
    let server = server.run();
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);
    Ok(Running { addr, setup_link, site, handle, server, background })
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
        self.site.sessions.live().stop();
        self.handle.stop(true).await;
        self.background.abort();
        self.site.sessions.flush().await;
    }
}

/// Migrates the database; the result is the set-up link if there are no users yet.
async fn prepare(site: &Site) -> Result<Option<String>, Error> {
    let migrations = site.db.prepare().await?;
    if migrations > 0 {
        tracing::info!(migrations, "database migrated");
    }
    setup::link(&site.db, &site.config).await
}

/// For a database that comes up after us: until it has, whatever needs it answers 503.
async fn prepare_later(site: Data<Site>) {
    loop {
        tokio::time::sleep(PREPARE_PAUSE).await;
        match prepare(&site).await {
            Ok(link) => {
                tracing::info!("the database is reached");
                setup::announce(link.as_deref());
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

async fn nothing_here(_: Layout) -> HttpResponse {
    Error::NotFound.error_response()
}

/// actix-session over our store. The cookie ends with the browser; a remembered one gets its `Max-Age` outside.
fn session(site: &Data<Site>) -> SessionMiddleware<Store> {
    let config = &site.config.session;
    let lifecycle = BrowserSession::default().state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    SessionMiddleware::builder(Store::on_this_thread(Arc::clone(&site.sessions)), config.secret.cookie_key())
        .cookie_name(config.cookie_name.clone())
        .cookie_secure(site.config.server.is_https())
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
