//! The middleware of other crates, as this site sets it up.

use actix_cors::Cors;
use actix_identity::IdentityMiddleware;
use actix_session::{
    SessionMiddleware,
    config::{BrowserSession, CookieContentSecurity, TtlExtensionPolicy},
};
use actix_web::{
    http::{
        Method,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
    },
    middleware::Condition,
    web::Data,
};

use super::parts::Parts;
use crate::{
    config::Config,
    security::{api, site},
    sessions::Store,
};

/// Seconds for which a browser asks no more whether a front end may call. Chromium takes no longer time.
const PREFLIGHT_MAX_AGE: usize = 7_200;

/// Lets front ends of `FRONTEND_URL` call with the session's cookie and read what is answered, refusals and faults too; there are
/// none without it.
pub(super) fn cors(config: &Data<Config>) -> Condition<Cors> {
    let has_frontends = !config.server.frontends.origins().is_empty();
    let config = config.clone();
    let cors = Cors::default()
        .allowed_origin_fn(move |origin, asked| {
            let is_call = api::is_call(asked.uri.path()) && !site::is_at_pages_host(&config.server, asked);
            is_call && origin.to_str().is_ok_and(|origin| config.server.frontends.has(origin))
        })
        .allowed_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allowed_headers([ACCEPT, AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([RETRY_AFTER])
        .supports_credentials()
        .max_age(PREFLIGHT_MAX_AGE);
    Condition::new(has_frontends, cors)
}

/// actix-session with the store of this crate. The cookie ends with the browser; `sessions::with_context` adds the `Max-Age` of a
/// remembered session.
pub(super) fn session_middleware(parts: &Parts) -> SessionMiddleware<Store> {
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

/// actix-identity without a deadline of its own: state and catalogue know the absolute end, by the database's clock; actix-identity
/// would go by that of the machine.
pub(super) fn identity_middleware() -> IdentityMiddleware {
    IdentityMiddleware::default()
}
