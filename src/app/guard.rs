//! The middleware around all others: what is asked about no route is refused, and every answer is completed.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{
    Error as ActixError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{ConnectionType, Method, Version},
    middleware::Next,
};
use futures_util::future::LocalBoxFuture;

use super::{
    connections::{Answer, Progress},
    http_metrics::HttpMetrics,
    request_log,
};
use crate::{
    accounts::tripwire,
    error::Error,
    layout::error_pages::{self, RequestInfo},
    ops::health::Readiness,
    security::{bodies, cross_origin, header_size, headers, host},
    sessions::{PresentedKeys, sender_by_cookie},
    state::shared,
    throttle::known_browser,
    web::{REQUEST_ID, RoutePattern, compressed, cookies, flash},
};

/// The outermost: renders failures as error pages, looks at keys that led nowhere, sets our other cookies and adds the security
/// headers to every response. The connection learns when the answer begins and ends. One middleware rather than five, since each
/// costs an allocation per request.
pub(super) async fn complete(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Answer>, ActixError> {
    let (began, metrics) = (Instant::now(), shared::<HttpMetrics>(req.request())?.clone());
    let underway = req.conn_data::<Rc<Progress>>().map(|progress| progress.begin(req.headers()));
    let info = RequestInfo::of(req.request())?;
    let version = req.version();
    let readiness = shared::<Readiness>(req.request())?.clone();
    let server = &info.config().server;
    let result = in_time(next.call(req), server.request_timeout, info.method()).await;
    let mut result = error_pages::render(&info, result);
    if let Ok(res) = &result
        && let Some(presented) = PresentedKeys::take(res.request())
    {
        Box::pin(tripwire::watch(res.request(), presented)).await;
    }
    if let Ok(res) = &mut result {
        flash::finish(res, server);
        known_browser::finish(res);
        cookies::finish(res);
        if version <= Version::HTTP_10 {
            end_by_close(res);
        }
        if readiness.is_stopping() {
            res.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
    }
    let result = headers::add(server, result.map(|res| compressed::finish(res, server)));
    let result = name_request(&info, result);
    record(&info, &metrics, &result, began);
    result.map(|res| res.map_body(|_, body| Answer::new(body, underway)))
}

/// The answer, or 503 when it takes too long. What was begun is not broken off: it goes on, and nobody waits for it.
async fn in_time<B: MessageBody + 'static>(
    mut answer: LocalBoxFuture<'static, Result<ServiceResponse<B>, ActixError>>,
    limit: Duration,
    method: &Method,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    match tokio::time::timeout(limit, &mut answer).await {
        Ok(answer) => answer.map(ServiceResponse::map_into_boxed_body),
        Err(_) => {
            actix_web::rt::spawn(answer);
            Err(if method.is_safe() { Error::unavailable(TOO_LONG) } else { Error::TookTooLong }.into())
        }
    }
}

/// Why there is no answer.
const TOO_LONG: &str = "the request took longer than REQUEST_TIMEOUT";

/// Puts the id of the request into its answer.
fn name_request(
    info: &RequestInfo,
    result: Result<ServiceResponse<BoxBody>, ActixError>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    match result {
        Ok(mut res) => {
            res.headers_mut().insert(REQUEST_ID, info.id().header());
            Ok(res)
        }
        Err(error) => {
            let mut response = error.as_response_error().error_response();
            response.headers_mut().insert(REQUEST_ID, info.id().header());
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Counts the request and logs it.
fn record(
    info: &RequestInfo,
    metrics: &HttpMetrics,
    result: &Result<ServiceResponse<BoxBody>, ActixError>,
    began: Instant,
) {
    let (req, status) = match result {
        Ok(res) => (Some(res.request()), res.status()),
        Err(error) => (None, error.as_response_error().status_code()),
    };
    let route = req.map_or(RoutePattern::NONE, RoutePattern::of);
    metrics.record(route, info.method(), status, began);
    request_log::log(info, req, route, status, began);
}

/// Refuses requests that are for other hosts, cross-origin or larger than any route accepts. CORS is around it, so that front ends
/// can read why.
pub(super) async fn refuse(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    match check(&req).await {
        Ok(()) => next.call(req).await.map(ServiceResponse::map_into_boxed_body),
        Err(error) => Ok(req.error_response(error)),
    }
}

/// Whose cookie came along is looked up for the log entry alone.
async fn check(req: &ServiceRequest) -> Result<(), Error> {
    header_size::check(req)?;
    host::check(req)?;
    if !cross_origin::is_allowed(req)? {
        let sender = Box::pin(sender_by_cookie(req.request())).await;
        return Err(cross_origin::refuse(req, sender.as_ref()));
    }
    bodies::check(req)
}

/// HTTP/1.0 doesn't know chunks: the end of the connection is the end of a body whose length is not known.
fn end_by_close(res: &mut ServiceResponse<BoxBody>) {
    if res.response().body().size() == BodySize::Stream {
        let head = res.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
}
