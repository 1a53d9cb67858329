//! Requests of the drill, over HTTP/1.1: to an address of its own choice, under the host name of the site.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Empty, Limited, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{ACCEPT, COOKIE, HOST, LOCATION, USER_AGENT},
    http::request::Builder,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use url::{Host, Url};

use super::arguments::Resolved;

/// Most bytes of an answer that are read; of a longer one the rest is left.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// Longest time for one request before and after the time that is measured.
pub(super) const LONGEST_REQUEST: Duration = Duration::from_secs(10);
/// The pause between two requests of one kind.
pub(super) const PAUSE: Duration = Duration::from_millis(10);
/// What is seen of an instance that hangs.
pub(super) const NO_ANSWER: &str = "no answer";

/// The body of a request.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Where requests go.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// The address as the results show it.
    pub shown: String,
    /// Host or IP address, and port, to connect to.
    connect: (String, u16),
    /// The header `Host`.
    host: String,
    /// With TLS: the name in the certificate.
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Endpoint {
    /// What answers as `site` at the address `at`.
    pub(super) fn new(at: &Url, site: &Url, resolve: &[Resolved]) -> Result<Self, String> {
        let port = at.port_or_known_default().unwrap_or_default();
        let host = at.host_str().unwrap_or_default();
        let known = resolve.iter().find(|known| known.host == host && known.port == port);
        let connect = known.map_or_else(|| plain_host(at), |known| known.address.to_string());
        let tls = match at.scheme() {
            "https" => Some((connector()?, name_in_certificate(site)?)),
            _ => None,
        };
        let name = site.host_str().unwrap_or_default();
        let host = site.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self { shown: at.origin().ascii_serialization(), connect: (connect, port), host, tls })
    }

    /// A request with the cookie, as a script sends it: what is refused is 401, not a page.
    pub(super) fn request(&self, method: &str, path: &str, accept: &str, cookie: &str) -> Builder {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(HOST, &self.host).header(USER_AGENT, "drill");
        request.header(ACCEPT, accept).header(COOKIE, cookie)
    }

    async fn connect(&self) -> Result<SendRequest<Body>, String> {
        let (host, port) = &self.connect;
        let tcp = TcpStream::connect((host.as_str(), *port)).await;
        let tcp = tcp.map_err(|error| format!("not reached: {error}"))?;
        let _ = tcp.set_nodelay(true);
        match &self.tls {
            None => handshake(tcp).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), tcp).await;
                handshake(stream.map_err(|error| format!("no TLS: {error}"))?).await
            }
        }
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Body>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connected = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = connected.map_err(|error| error.to_string())?;
    // Its errors are those of the requests.
    tokio::spawn(connection);
    Ok(sender)
}

/// The host of a URL as it is connected to.
fn plain_host(url: &Url) -> String {
    match url.host() {
        Some(Host::Ipv6(ip)) => ip.to_string(),
        Some(host) => host.to_string(),
        None => String::new(),
    }
}

fn name_in_certificate(site: &Url) -> Result<ServerName<'static>, String> {
    match site.host() {
        Some(Host::Ipv4(ip)) => Ok(IpAddr::from(ip).into()),
        Some(Host::Ipv6(ip)) => Ok(IpAddr::from(ip).into()),
        _ => ServerName::try_from(plain_host(site)).map_err(|error| format!("{site}: {error}")),
    }
}

/// TLS by the certificates that this machine trusts.
fn connector() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection that is kept from one request to the next.
pub(super) struct Link {
    pub endpoint: Endpoint,
    sender: Option<SendRequest<Body>>,
}

impl Link {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, sender: None }
    }

    /// Sends a request without a body.
    pub(super) async fn get(
        &mut self,
        path: &str,
        accept: &str,
        cookie: &str,
    ) -> Result<Response<Incoming>, String> {
        let endpoint = self.endpoint.clone();
        let request = || {
            let request = endpoint.request("GET", path, accept, cookie);
            request.body(Empty::new().boxed_unsync()).map_err(|error| error.to_string())
        };
        self.send(request).await
    }

    /// Sends a request, again over a new connection where the kept one is closed meanwhile.
    pub(super) async fn send(
        &mut self,
        request: impl Fn() -> Result<Request<Body>, String>,
    ) -> Result<Response<Incoming>, String> {
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
            && let Ok(response) = sender.send_request(request()?).await
        {
            self.sender = Some(sender);
            return Ok(response);
        }
        let mut sender = self.endpoint.connect().await?;
        let response = sender.send_request(request()?).await;
        let response = response.map_err(|error| format!("no answer: {error}"))?;
        self.sender = Some(sender);
        Ok(response)
    }
}

/// Whether the session counts where it was asked; else what was seen there.
pub(super) async fn let_in(answer: impl Future<Output = Result<Answer, String>>) -> Result<(), String> {
    match timeout(LONGEST_REQUEST, answer).await {
        Ok(Ok(Answer::LetIn(_))) => Ok(()),
        Ok(Ok(answer)) => Err(answer.shown()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(NO_ANSWER.to_owned()),
    }
}

/// What an answer says of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It counts.
    LetIn(u16),
    /// It does not: 401, or a redirect to the sign-in page.
    Refused,
    /// Neither, such as 503 or 404.
    Other(u16),
}

impl Answer {
    /// Reads the head of an answer.
    pub(super) fn of(response: &Response<Incoming>) -> Self {
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        Self::read(response.status().as_u16(), location)
    }

    /// As [`Self::of`]; the rest of the answer is read and dropped, so that its connection can be used again.
    pub(super) async fn of_whole(response: Response<Incoming>) -> Self {
        let answer = Self::of(&response);
        let _ = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        answer
    }

    fn read(status: u16, location: Option<&str>) -> Self {
        let path = location.map(|location| location.split(['?', '#']).next().unwrap_or_default());
        let leads_to_sign_in =
            path.is_some_and(|path| path.ends_with("/login") || path.ends_with("/.gatehouse/sign-in"));
        match status {
            200..=299 => Self::LetIn(status),
            401 => Self::Refused,
            300..=399 if leads_to_sign_in => Self::Refused,
            _ => Self::Other(status),
        }
    }

    /// The answer in the results.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::LetIn(status) => format!("let in: {status}"),
            Self::Refused => "refused".to_owned(),
            Self::Other(status) => format!("answered {status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drill_answer_is_refused_by_401_or_sign_in_page_alone() {
        let to = |location| Answer::read(303, Some(location));
        assert_eq!(Answer::read(401, None), Answer::Refused);
        assert_eq!(to("/login?next=%2Fprofile"), Answer::Refused);
        assert_eq!(to("https://login.example.org/login?next=x"), Answer::Refused);
        assert_eq!(to("https://app.example.net/.gatehouse/sign-in?next=/"), Answer::Refused);
        assert_eq!(Answer::read(200, Some("/login")), Answer::LetIn(200));
        assert_eq!(to("/profile?next=/login"), Answer::Other(303));
        for status in [302, 403, 404, 421, 429, 500, 502, 503] {
            assert_eq!(Answer::read(status, None), Answer::Other(status));
        }
    }
}
