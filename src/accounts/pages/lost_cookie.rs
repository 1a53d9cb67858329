//! The notice on the sign-in page that the browser did not keep the session's cookie. A visitor has no cookie by which that could be
//! tried beforehand; what gives it away is a page that is asked for from the sign-in page by somebody who is not signed in.

use actix_web::{FromRequest as _, HttpRequest, http::header::REFERER};
use url::{Position, Url};

use crate::{
    config::Config,
    layout::Notice,
    security::{Client, host::host_of},
    sessions::Sessions,
    state::shared,
    telemetry::shown_in_log,
};

/// The query that the sign-in page gets along with `next`.
pub const QUERY: (&str, &str) = ("cookie", "lost");

/// The pages whose forms sign in. They lead to other pages of signed-in people by nothing else.
const SIGN_IN_PAGES: [&str; 3] = ["/login", "/register", "/setup"];

/// Whether a request without a session comes from a form of this site that has signed somebody in, here and just now.
pub async fn is_lost(req: &HttpRequest) -> bool {
    if !follows_sign_in(req) {
        return false;
    }
    let (Ok(sessions), Ok(client)) = (shared::<Sessions>(req), Client::extract(req).await) else {
        return false;
    };
    sessions.has_just_started(client).await.unwrap_or(false)
}

/// Whether a request comes from a page of this site whose form signs in.
fn follows_sign_in(req: &HttpRequest) -> bool {
    let referer = req.headers().get(REFERER).and_then(|referer| referer.to_str().ok());
    let Some(page) = referer.and_then(|referer| Url::parse(referer).ok()) else {
        return false;
    };
    is_own(req, &page) && SIGN_IN_PAGES.contains(&page.path())
}

/// The notice for a sign-in page that such a request has led to.
pub(super) fn notice(req: &HttpRequest, cookie: &str) -> Option<Notice> {
    if cookie != QUERY.1 || !follows_sign_in(req) {
        return None;
    }
    let config = shared::<Config>(req).ok()?;
    let (site, host) = (&config.server.base_url, host_of(req));
    tracing::warn!(
        ip = %Client::of(req, &config.server.trusted_proxies).ip,
        host = host.map(|host| shown_in_log(host.as_bytes())),
        base_url = %site,
        cookie_domain = config.session.cookie_domain.as_deref(),
        "a browser did not keep the session cookie"
    );
    let address = match host == Some(&site[Position::BeforeHost..Position::AfterPort]) {
        true => String::new(),
        false => format!(
            " This site is to be opened at {}; at other addresses browsers may refuse the cookie.",
            site.origin().ascii_serialization()
        ),
    };
    let text = format!(
        "You were signed in, but your browser did not keep the cookie that says so. Allow cookies for this site and sign in \
         again.{address}"
    );
    Some(Notice { kind: "warning", text })
}

fn is_own(req: &HttpRequest, page: &Url) -> bool {
    let host = &page[Position::BeforeHost..Position::AfterPort];
    let site = shared::<Config>(req).ok().map(|config| &config.server.base_url);
    host_of(req) == Some(host) || site.is_some_and(|site| site.origin() == page.origin())
}
