//! The outermost middleware.

use actix_web::{
    Error as ActixError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{ConnectionType, Version},
    middleware::Next,
};

use crate::{
    layout::error_pages::{self, RequestInfo},
    security::{bodies, cross_origin, header_size, headers},
    web::flash,
};

/// Refuses headers that are too large, cross-origin requests and bodies that no route accepts, renders failures as error pages, sets the flash cookie and adds
/// the security headers to every response. One middleware rather than five, since each costs an allocation per request.
pub(super) async fn guard(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let info = RequestInfo::of(req.request())?;
    let version = req.version();
    let checked = header_size::check(&req).and_then(|()| cross_origin::check(&req));
    let result = match checked.and_then(|()| bodies::check(&req)) {
        Ok(()) => next.call(req).await.map(ServiceResponse::map_into_boxed_body),
        Err(error) => Ok(req.error_response(error)),
    };
    let server = &info.config().server;
    let mut result = error_pages::render(&info, result);
    if let Ok(res) = &mut result {
        flash::finish(res, server);
        if version <= Version::HTTP_10 {
            end_by_close(res);
        }
    }
    headers::add(server, result)
}

/// HTTP/1.0 doesn't know chunks: the end of the connection is the end of a body whose length is not known.
fn end_by_close(res: &mut ServiceResponse<BoxBody>) {
    if res.response().body().size() == BodySize::Stream {
        let head = res.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
}
