//! The host that a request is for. A page of another name could read this site once that name leads here (DNS rebinding), so only
//! the site's own names are answered.

use actix_web::{
    HttpRequest,
    dev::ServiceRequest,
    http::{Version, header::HOST},
};
use url::{Host, Url};

use super::{
    api, binding,
    named_host::{parse, texts, without_port},
    refusal, site,
};
use crate::{config::Config, error::Error, state::shared};

/// What is asked by load balancers and orchestrators, which name the address of this machine and not the site.
const HEALTH_CHECKS: [&str; 2] = ["/healthz", "/readyz"];

/// Why a request is refused, for its log entry.
const FOREIGN: &str = "not a host of BASE_URL or ALLOWED_HOSTS; or it is handed over for a site that is not one of GATE_HOSTS, or by a proxy \
                       that is not in TRUSTED_PROXIES";

/// Checks that a request is for this site: by its `Host` and, in an absolute target (RFC 9112 §3.2.2), by that as well. Where
/// nothing names a host (HTTP/1.0), no browser has sent it.
///
/// # Errors
/// [`Error::Misdirected`] for another host, which is logged; [`Error::BadRequest`] for none, several or an unreadable one.
pub fn check(req: &ServiceRequest) -> Result<(), Error> {
    let malformed = |what: &str| Error::BadRequest(format!("The request {what}."));
    match req.headers().get_all(HOST).count() {
        0 if req.version() > Version::HTTP_10 => {
            return Err(malformed("does not name the host that it is for"));
        }
        0 | 1 => {}
        _ => return Err(malformed("names its host more than once")),
    }
    let config = shared::<Config>(req.request())?;
    let server = &config.server;
    for text in texts(req.head()) {
        let host = without_port(text);
        // What nearly every request names is not parsed.
        if host.is_some() && host == server.base_url.host_str() {
            continue;
        }
        let named = host.and_then(parse).ok_or_else(|| malformed("names a host that can't be read"))?;
        let is_health_check = HEALTH_CHECKS.contains(&req.path()) && !matches!(named, Host::Domain(_));
        // The page that refuses the host needs them.
        let is_file_of_pages = req.path().starts_with("/static/");
        // Proxies ask with the host that a browser has asked them for, to whose pages the answer says nothing.
        // Services ask at whatever name they reach this machine by, with a key that no browser has.
        let is_of_other_site =
            [api::VERIFY, api::ENDS].contains(&req.path()) || site::of(server, req.head()).is_some();
        let is_of_main_host = req.path() == binding::WELL_KNOWN && is_main_host(config, &named);
        let is_answered = is_health_check || is_file_of_pages || is_of_other_site || is_of_main_host;
        if !server.has_host(&named) && !is_answered {
            refusal::log(req.request(), "foreign_host", None, FOREIGN);
            return Err(Error::Misdirected);
        }
    }
    Ok(())
}

/// Whether a host is the main one of the site, whose proxy hands over what browsers ask it about bound sessions.
fn is_main_host(config: &Config, named: &Host) -> bool {
    let site = config.session.binding.as_ref().and_then(|binding| binding.site.as_ref());
    site.and_then(Url::host).is_some_and(|main| main.to_owned() == *named)
}

/// The host and port that the request was sent to, as it names them.
pub fn host_of(req: &HttpRequest) -> Option<&str> {
    req.headers().get(HOST)?.to_str().ok()
}
