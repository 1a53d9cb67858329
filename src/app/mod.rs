//! The application: its shared parts, the order of its middleware, starting and stopping.

mod connections;
mod guard;
mod http_metrics;
mod middleware;
mod ops_listener;
mod parts;
mod prepare;
mod request_log;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, ResponseError as _, Scope,
    dev::ServerHandle,
    guard::fn_guard,
    http::{Method, header::ALLOW},
    middleware::from_fn,
    rt::task::JoinHandle,
    web::{self, Data, ServiceConfig},
};
use actix_web_lab::middleware::CatchPanic;

use self::{
    connections::listener,
    middleware::{cors, identity_middleware, session_middleware},
    ops_listener::OpsListener,
    parts::{Parts, share},
    prepare::connect,
};
use crate::{
    accounts::Accounts,
    config::{self, Config},
    error::Error,
    gate,
    layout::Layout,
    routes,
    security::{api, site},
    sessions, telemetry,
};

/// How long an instance that is about to stop still answers. Balancers that ask `/readyz` every second have left it by then, and so have
/// the connections that proxies keep: an answer closes its connection, and nginx closes those that were idle for 4 seconds
/// (docs/examples).
const DRAIN: Duration = Duration::from_secs(5);

/// How long connections that have begun may take to be accepted and to bring their request.
const ACCEPT: Duration = Duration::from_millis(100);

/// How long a stop takes at most beside the time for open requests.
const STOP_MARGIN: Duration = Duration::from_secs(10);

/// How long the server waits when it stops for links that were asked for, and then for the mail that is being sent, which another
/// instance or the next start would send again.
const TASK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a stop may take, from the signal on: `REQUEST_TIMEOUT` and ten seconds.
pub fn longest_stop(config: &config::Server) -> Duration {
    config.request_timeout + STOP_MARGIN
}

/// A running server.
pub struct Running {
    /// The address that it listens on.
    pub addr: SocketAddr,
    /// A one-time link to make the first administrator, while there is none.
    pub setup_link: Option<String>,
    ops: Option<OpsListener>,
    listener: TcpListener,
    parts: Parts,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    background: JoinHandle<()>,
    mail: JoinHandle<()>,
    links: JoinHandle<()>,
}

/// Migrates the database and starts serving; when the database can't be reached, it serves already and migrates later. `extra` adds
/// routes inside the session middleware, also below `/auth`.
///
/// # Errors
/// [`Error::Misconfigured`] when a setting can never work, such as an address that is taken; also when a migration fails.
pub async fn start(
    mut config: Config,
    extra: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Running, Error> {
    // The address is taken first: an instance that can't have it changes nothing in the stores.
    let (listener, ops_listener) = reserve(&config.server)?;
    let addr = listener.local_addr().map_err(Error::internal)?;
    config.server.listens_on(addr);
    let parts = Parts::new(config).await?;
    let setup_link = connect(&parts).await?;
    let shared = parts.clone();
    let app = move || {
        let extra = extra.clone();
        // The last `wrap` is outermost: the guard completes every failure, including a panic or an error of the session middleware,
        // and front ends can read it; the request's context is open while the session middleware uses the store.
        App::new()
            .configure(|app| share(app, &shared))
            .configure(|app| add_routes(app, "", routes::without_session()))
            .service(pages_host(&shared.config))
            .service(sites(&shared.config))
            .service(
                web::scope(api::PREFIX)
                    .wrap(identity_middleware())
                    .wrap(session_middleware(&shared))
                    .wrap(from_fn(sessions::with_context))
                    .configure(|app| add_routes(app, api::PREFIX, routes::calls()))
                    .configure(extra.clone())
                    .default_service(web::to(not_found)),
            )
            .service(
                web::scope("")
                    .wrap(identity_middleware())
                    .wrap(session_middleware(&shared))
                    .wrap(from_fn(sessions::with_context))
                    .configure(|app| add_routes(app, "", routes::with_session()))
                    .configure(extra)
                    .default_service(web::to(not_found)),
            )
            .default_service(web::to(unknown))
            .wrap(CatchPanic::default())
            .wrap(from_fn(guard::refuse))
            .wrap(cors(&shared.config))
            .wrap(from_fn(guard::complete))
    };
    let kept = listener.try_clone().map_err(Error::internal)?;
    let server = connections::serve(listener, &parts.room, &parts.config.server, app)
        .map_err(|error| refused("LISTEN_ADDR", addr, &error))?;
    let background = actix_web::rt::spawn(background(parts.clone()));
    let mail = actix_web::rt::spawn(parts.outbox.clone().into_inner().run());
    let links = actix_web::rt::spawn(Accounts::clone(&parts.accounts).make_links());
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);
    let ops = ops_listener.map(|listener| OpsListener::start(listener, &parts)).transpose()?;
    Ok(Running { addr, ops, setup_link, listener: kept, parts, handle, server, background, mail, links })
}

/// What goes on beside the requests.
async fn background(parts: Parts) {
    tokio::join!(
        parts.db.keep_time(),
        gate::first_page::watch(parts.config.clone()),
        parts.sessions.into_inner().background(),
        parts.accounts.throttle().sweep(),
        telemetry::report_left_out(),
    );
}

/// Takes the addresses of `LISTEN_ADDR` and `OPS_ADDR`.
fn reserve(config: &config::Server) -> Result<(TcpListener, Option<TcpListener>), Error> {
    let (addr, ops_addr) = (config.listen_addr, config.ops_addr);
    let listener = listener::reserve(addr).map_err(|error| refused("LISTEN_ADDR", addr, &error))?;
    let ops = ops_addr.map(|addr| TcpListener::bind(addr).map_err(|error| refused("OPS_ADDR", addr, &error)));
    Ok((listener, ops.transpose()?))
}

/// An address that could not be had.
fn refused(variable: &'static str, addr: SocketAddr, error: &io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let port = addr.port().checked_add(1).unwrap_or(3000);
            format!(
                "{addr} is taken by another program; set another, such as {variable}={}:{port}",
                addr.ip()
            )
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine does not have the address {}", addr.ip())
        }
        io::ErrorKind::PermissionDenied => format!("this user may not listen on {addr}"),
        _ => format!("{addr} can't be listened on: {error}"),
    };
    Error::misconfigured(variable, reason)
}

impl Running {
    /// The address of `OPS_ADDR`, if it is set.
    pub fn ops_addr(&self) -> Option<SocketAddr> {
        self.ops.as_ref().map(|ops| ops.addr)
    }

    /// Waits until the server has stopped.
    ///
    /// # Errors
    /// When serving failed.
    pub async fn wait(&mut self) -> Result<(), Error> {
        (&mut self.server).await.map_err(Error::internal)?.map_err(Error::internal)
    }

    /// Lets proxies and balancers leave this instance before it stops: it says that it is not ready, answers on for five seconds and closes
    /// each connection with its answer. Afterwards it takes no more connections.
    pub async fn drain(&self) {
        self.parts.readiness.stop();
        tokio::time::sleep(DRAIN).await;
        if let Err(error) = listener::ignore_new(&self.listener) {
            tracing::debug!(%error, "connections that begin while the listener is closed are lost");
        }
        tokio::time::sleep(ACCEPT).await;
    }

    /// Takes no more connections, ends streams, waits for open requests, at most for `REQUEST_TIMEOUT`, writes what is queued and waits for
    /// the mail that is being sent.
    pub async fn stop(self) {
        self.parts.readiness.stop();
        // It would keep the address.
        drop(self.listener);
        let Parts { sessions, accounts, outbox, .. } = self.parts;
        sessions.bus().stop();
        let ops = async {
            if let Some(ops) = self.ops {
                ops.stop().await;
            }
        };
        tokio::join!(self.handle.stop(true), ops);
        accounts.stop_links();
        outbox.stop();
        let flush = async { drop(tokio::time::timeout(TASK_TIMEOUT, sessions.flush()).await) };
        tokio::join!(flush, end(self.links), end(self.mail));
        self.background.abort();
    }
}

/// Waits for a task that was asked to end.
async fn end(mut task: JoinHandle<()>) {
    if tokio::time::timeout(TASK_TIMEOUT, &mut task).await.is_err() {
        task.abort();
    }
}

/// What is served at `PAGES_HOST`: nothing of this site's own.
fn pages_host(config: &Data<Config>) -> Scope {
    let config = config.clone();
    web::scope("")
        .guard(fn_guard(move |asked| site::is_at_pages_host(&config.server, asked.head())))
        .configure(|app| add_routes(app, "", routes::at_pages_host()))
        .default_service(web::to(gate::pages_host::elsewhere))
}

/// What is served at sites with cookies of their own.
fn sites(config: &Data<Config>) -> Scope {
    let config = config.clone();
    web::scope(site::PREFIX)
        .guard(fn_guard(move |asked| site::of(&config.server, asked.head()).is_some()))
        .configure(|app| add_routes(app, site::PREFIX, routes::at_sites()))
        .default_service(web::to(unknown))
}

fn add_routes(app: &mut ServiceConfig, below: &str, table: routes::Table) {
    for resource in table.into_resources(below) {
        app.service(resource);
    }
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
