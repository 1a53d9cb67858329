//! Connections: what each may cost in bytes and time, and how many a client may have at once.
//!
//! actix-web bounds the first head of a connection and nothing after it: it reads on while nobody reads the answers, and waits
//! without end for a second head, a body or a reader. So its HTTP/1 service runs over a [`Connection`] of ours, which gives it one
//! request at a time and ends what takes too long.

mod blank_line;
mod connection;
mod deadline;
mod incoming;
pub(super) mod listener;
mod progress;
mod refusal;
mod room;
#[cfg(test)]
mod tests;
mod transport;

use std::{
    future::ready,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_http::{HttpService, Request, body::MessageBody, error::DispatchError};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::{
    Error as ActixError,
    dev::{AppConfig, Server, ServiceResponse},
    rt::net::TcpStream,
};

use self::{connection::Connection, refusal::Refusals};
use crate::config;

pub(super) use progress::{Answer, Progress};
pub(super) use room::Room;

/// How long a connection may go on after its last answer, to take in what its client still sends.
const LINGER: Duration = Duration::from_secs(1);

/// A connection with the address of its peer.
type Accepted = (Connection<TcpStream>, Option<SocketAddr>);

/// Serves an application on a listener, as many connections as there is room for.
///
/// # Errors
/// When the listener can't be used.
pub(super) fn serve<F, I, S, B>(
    listener: TcpListener,
    room: &Arc<Room>,
    config: &config::Server,
    app: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = ActixError,
            InitError = (),
        > + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    listener::open(&listener)?;
    let refusals = Arc::new(Refusals::new(config));
    let room = Arc::clone(room);
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let service = move || {
        let (stopping, room, refusals) = (stopping.clone(), Arc::clone(&room), Arc::clone(&refusals));
        let http = HttpService::build()
            // A connection has its own.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(LINGER)
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .on_connect_ext(|connection: &Connection<TcpStream>, data| {
                data.insert(connection.progress());
            });
        let app = app().into_factory().map_err(|error: ActixError| error.error_response());
        fn_service(move |stream| ready(admit(stream, &room, &refusals)))
            .and_then(http.h1(map_config(app, |()| AppConfig::default())))
    };
    // A request that has begun may take as long as any other.
    let builder = builder.shutdown_timeout(config.request_timeout.as_secs()).disable_signals();
    Ok(builder.listen("http", listener, service)?.run())
}

/// Takes a connection in if there is room for it, and tells its client otherwise.
fn admit(stream: TcpStream, room: &Arc<Room>, refusals: &Arc<Refusals>) -> Result<Accepted, DispatchError> {
    let peer = stream.peer_addr().map_err(DispatchError::Io)?;
    match room.enter(peer.ip()) {
        Ok(place) => Ok((Connection::new(stream, Arc::clone(refusals), place), Some(peer))),
        Err(full) => {
            refusal::turn_away(stream, &refusals.full(full)).map_err(DispatchError::Io)?;
            Err(DispatchError::Io(io::ErrorKind::QuotaExceeded.into()))
        }
    }
}
