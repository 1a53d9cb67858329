//! Middleware around actix-session: opens the request's context and completes the session cookie.

use std::time::{Duration, Instant};

use actix_web::{
    Error as ActixError,
    body::{BoxBody, MessageBody},
    cookie::Cookie,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderValue, SET_COOKIE},
    middleware::Next,
};

use super::{
    bearer,
    current::CurrentUser,
    presented_keys,
    rotated_key::ask_again,
    session_cookie::{choose, remove_others, renewed},
    site_cookie, site_data, unproven,
};
use crate::{
    config::{self, Config},
    error::Error,
    security::{api, site},
    sessions::{binding::offer, request_context::RequestContext, service::Sessions},
    state::shared,
    web::{accept::is_in_background, cookies},
};

/// A request that takes longer checks again whether its session still has the key that it came with. No rotation finishes
/// in less.
const RECHECK_AFTER: Duration = Duration::from_millis(1);

/// Opens the request's context around actix-session, and completes the session cookie on the way out.
pub async fn with_context(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let config = shared::<Config>(req.request())?.clone();
    let sessions = shared::<Sessions>(req.request())?.clone();
    let began = Instant::now();
    let mut context =
        RequestContext { in_background: is_in_background(req.head()), ..RequestContext::default() };
    // A request to a site with a cookie of its own is known by that alone.
    let site = site::of(&config.server, req.head());
    match bearer::take(&mut req, &config, site.as_ref(), &mut context) {
        Ok(true) => {}
        Ok(false) => match &site {
            Some(site) => site_cookie::keep_alone(&mut req, &config, site),
            None => choose(&mut req, &config, &sessions, &mut context).await,
        },
        Err(error) => return Ok(req.error_response(error)),
    }
    // A proxy hands on one cookie, and to a page of another host.
    let is_of_proxy = req.path() == api::VERIFY;
    let (result, context) = context.scope(next.call(req)).await;
    if let Ok(res) = &result {
        presented_keys::leave(res.request(), &sessions, &context);
    }
    match result {
        Ok(res) if let Some(age) = context.rotated_since => {
            let response = Box::pin(ask_again(res.request(), age)).await;
            Ok(res.into_response(response))
        }
        Ok(mut res) => {
            if context.by_bearer {
                bearer::challenge(&mut res);
            }
            let renewal = match &site {
                Some(site) => site_cookie::renewed(res.request(), site, &sessions, &context),
                None => renewal(&res, &config, &sessions, &context, began).await,
            };
            finish_cookies(res.headers_mut(), &config, &context, renewal);
            if !is_of_proxy {
                remove_others(res.headers_mut(), &config, context.has_unused_keys());
                remove_unproven(&mut res, &config, &context);
            }
            offer::add_header(&mut res, &config, &context);
            site_data::add_header(res.headers_mut(), &context);
            Ok(res.map_into_boxed_body())
        }
        // actix-session answers a failing store with a 500 of its own.
        Err(error) => Err(context.unavailable.map_or(error, |cause| Error::unavailable(cause).into())),
    }
}

/// Removes the cookie that has proven nothing.
fn remove_unproven<B>(res: &mut ServiceResponse<B>, config: &Config, context: &RequestContext) {
    if let Some(cookie) = unproven::removal(res.request().headers(), config, context) {
        cookies::append(res.headers_mut(), &cookie);
    }
}

fn finish_cookies(
    headers: &mut HeaderMap,
    config: &Config,
    context: &RequestContext,
    renewal: Option<Cookie<'static>>,
) {
    let session = &config.session;
    if context.abandoned {
        cookies::retain(headers, |value| !cookies::has_name(value, &session.cookie_name));
    } else if let Some(kind) = context.saved.filter(|kind| kind.remembered) {
        add_max_age(headers, session, session.ttl(kind));
    } else if let Some(cookie) = renewal {
        cookies::append(headers, &cookie);
    }
}

/// The session cookie of a session that was used, and neither changed nor ended, if it is remembered or came under an older secret.
/// Not when the browser may have got another cookie meanwhile: this one would replace it.
async fn renewal<B>(
    res: &ServiceResponse<B>,
    config: &Config,
    sessions: &Sessions,
    context: &RequestContext,
    began: Instant,
) -> Option<Cookie<'static>> {
    let user = CurrentUser::resolved(res.request())??;
    let session = &config.session;
    if !(user.session.kind.remembered || context.sealed_anew)
        || context.in_background
        || context.by_bearer
        || context.saved.is_some()
        || cookies::sets(res.headers(), &session.cookie_name)
    {
        return None;
    }
    let key = &context.loaded.as_ref()?.store_key;
    if began.elapsed() > RECHECK_AFTER && !sessions.is_current(key).await {
        return None;
    }
    renewed(res.request().headers(), config, user.session.kind)
}

/// Adds `Max-Age` to the session cookie that actix-session has set; only the cookie's value is encrypted.
fn add_max_age(headers: &mut HeaderMap, session: &config::Session, ttl: Duration) {
    let set: Vec<HeaderValue> = headers.remove(SET_COOKIE).collect();
    for value in set {
        let aged = cookies::has_name(&value, &session.cookie_name)
            .then(|| value.to_str().ok())
            .flatten()
            .and_then(|text| HeaderValue::from_str(&format!("{text}; Max-Age={}", ttl.as_secs())).ok());
        headers.append(SET_COOKIE, aged.unwrap_or(value));
    }
}
