//! The outermost middleware.

use actix_web::{
    Error as ActixError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use crate::{
    layout::error_pages::{self, RequestInfo},
    security::{bodies, cross_origin, headers},
    web::flash,
};

/// Refuses cross-origin requests and bodies that no route accepts, renders failures as error pages, sets the flash cookie and adds
/// the security headers to every response. One middleware rather than five, since each costs an allocation per request.
pub(super) async fn guard(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let info = RequestInfo::of(req.request())?;
    let result = match cross_origin::check(&req).and_then(|()| bodies::check(&req)) {
        Ok(()) => next.call(req).await.map(ServiceResponse::map_into_boxed_body),
        Err(error) => Ok(req.error_response(error)),
    };
    let server = &info.config().server;
    let mut result = error_pages::render(&info, result);
    if let Ok(res) = &mut result {
        flash::finish(res, server);
    }
    headers::add(server, info.path(), result)
}
