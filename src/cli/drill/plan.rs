//! What a drill asks, and where: made of the arguments and the settings, before anything is opened.

use std::time::Duration;

use url::{Position, Url};

use super::{arguments::DrillArguments, http::Endpoint, use_of_session::Kind};
use crate::config::{Config, Server};

/// What a drill asks, and where.
pub(super) struct Plan {
    /// The instances, or the site.
    pub instances: Vec<Endpoint>,
    /// What is asked again and again: at each instance, and pages of other hosts.
    pub asked: Vec<Asked>,
    /// How soon all have to refuse.
    pub within: Duration,
    /// Whether somebody is asked before the end.
    pub pause: bool,
    /// Whether the results are JSON.
    pub json: bool,
}

/// An address that is asked again and again.
#[derive(Clone)]
pub(super) struct Asked {
    pub kind: Kind,
    pub endpoint: Endpoint,
    /// Path and query.
    pub path: String,
}

impl Plan {
    /// Reads the arguments; the error names the one that can't be used.
    pub(super) fn new(config: &Config, arguments: DrillArguments) -> Result<Self, String> {
        let DrillArguments { instances, proxied, resolve, within, pause, json } = arguments;
        let server = &config.server;
        let site = &server.base_url;
        let twice = instances.iter().enumerate().find(|(number, at)| instances[..*number].contains(at));
        if let Some((_, at)) = twice {
            return Err(format!("--instance: {at} is given twice, and stands for one instance"));
        }
        let at = if instances.is_empty() { vec![site.clone()] } else { instances };
        let instances =
            at.iter().map(|at| Endpoint::new(at, site, &resolve)).collect::<Result<Vec<_>, _>>()?;
        let asks_verify = server.gate.has_sites() || !proxied.is_empty();
        let mut asked: Vec<_> =
            instances.iter().flat_map(|at| of_instance(server, at, asks_verify)).collect();
        for page in &proxied {
            check_reached(server, page)?;
            let endpoint = Endpoint::new(page, page, &resolve)?;
            asked.push(Asked {
                kind: Kind::Proxied,
                endpoint,
                path: page[Position::BeforePath..].to_owned(),
            });
        }
        Ok(Self { instances, asked, within, pause, json })
    }
}

/// What is asked again and again at each instance.
fn of_instance(server: &Server, at: &Endpoint, asks_verify: bool) -> Vec<Asked> {
    let pages = [(Kind::Page, "/profile"), (Kind::Gated, gated_path(server))];
    let verify = asks_verify.then_some((Kind::Proxied, "/auth/verify"));
    let asked = |(kind, path): (Kind, &str)| Asked { kind, endpoint: at.clone(), path: path.to_owned() };
    pages.into_iter().chain(verify).map(asked).collect()
}

/// The operator's first page where this host serves it, else the page that stands for it.
fn gated_path(server: &Server) -> &'static str {
    let pages = server.pages_dir.as_ref().filter(|_| server.pages_host.is_none());
    if pages.is_some_and(|pages| pages.join("index.html").is_file()) { "/pages/" } else { "/members" }
}

fn check_reached(server: &Server, page: &Url) -> Result<(), String> {
    if server.gate.shares_cookie_with(page, &server.base_url) {
        return Ok(());
    }
    Err(format!(
        "--proxied: the session's cookie does not reach {page}: it has another scheme than BASE_URL, or is neither at its host nor below \
         COOKIE_DOMAIN"
    ))
}
