//! Every error as a page of this site, or as RFC 9457 problem details for a client that asked for JSON.

use actix_web::{
    Error as ActixError, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::ServiceResponse,
    error::InternalError,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap},
    },
    web::Data,
};
use askama::Template;

use super::page_layout::{Layout, Viewer};
use crate::{
    config::Config,
    error::{Detail, Error},
    sessions::CurrentUser,
    state::shared,
    web::{
        accept::{PROBLEM_JSON, wants_json},
        html,
    },
};

/// The page for one status.
#[derive(Template)]
#[template(path = "layout/error.html")]
struct ErrorPage {
    layout: Layout,
    status: u16,
    title: String,
    message: String,
    advice: String,
    sign_in_href: Option<String>,
    retry: bool,
}

/// What is needed of the request once it is gone.
pub struct RequestInfo {
    config: Data<Config>,
    method: Method,
    path: String,
    json: bool,
}

/// Makes a page of whatever failed, also of an `Err` of the session middleware.
pub fn render(
    info: &RequestInfo,
    result: Result<ServiceResponse<BoxBody>, ActixError>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    match result {
        Ok(res) => {
            if !res.status().is_client_error() && !res.status().is_server_error() {
                return Ok(res);
            }
            if let Some(error) = res.response().error() {
                info.log(res.status(), error);
            }
            if is_rendered(res.headers()) {
                return Ok(res);
            }
            let (req, bare) = res.into_parts();
            let page =
                page(info, bare, CurrentUser::resolved(&req).map(|user| user.as_deref().map(Viewer::of)));
            Ok(ServiceResponse::new(req, page))
        }
        Err(error) => {
            let bare = error.as_response_error().error_response();
            info.log(bare.status(), &error);
            Err(InternalError::from_response("rendered", page(info, bare, None)).into())
        }
    }
}

impl RequestInfo {
    /// Reads what error pages need.
    pub fn of(req: &HttpRequest) -> Result<Self, Error> {
        Ok(Self {
            config: shared::<Config>(req)?.clone(),
            method: req.method().clone(),
            path: req.path().to_owned(),
            json: wants_json(req),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn log(&self, status: StatusCode, error: &ActixError) {
        let (status, method, path) = (status.as_u16(), &self.method, &self.path);
        let error = match error.as_error::<Error>() {
            Some(error) => error.causes(),
            None => format!("{error:?}"),
        };
        if status >= 500 {
            tracing::error!(status, %method, ?path, ?error, "request failed");
        } else {
            tracing::debug!(status, %method, ?path, ?error, "request refused");
        }
    }
}

fn is_rendered(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    // `/readyz` says in JSON what is down.
    kind.starts_with("text/html") || kind.starts_with(PROBLEM_JSON) || kind.starts_with("application/json")
}

/// The page or problem for a bare error response, keeping its headers (`Allow`, `Retry-After`, cookies).
fn page(info: &RequestInfo, bare: HttpResponse, viewer: Option<Option<Viewer>>) -> HttpResponse {
    let status = bare.status();
    let unavailable = status == StatusCode::SERVICE_UNAVAILABLE;
    let bare_layout = Layout::bare(&info.config, &info.path);
    let layout = Layout { unasked: viewer.is_none(), user: viewer.flatten(), unavailable, ..bare_layout };
    let (title, message, advice) = words(status);
    let message = match bare.extensions().get::<Detail>() {
        Some(Detail(text)) => text.clone(),
        None => message.to_owned(),
    };
    let mut response = if info.json {
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": status.as_u16(),
            "detail": message,
        });
        HttpResponse::build(status).content_type(PROBLEM_JSON).body(problem.to_string())
    } else {
        html(
            status,
            &ErrorPage {
                layout,
                status: status.as_u16(),
                title: title.to_owned(),
                message,
                advice: advice.to_owned(),
                sign_in_href: (status == StatusCode::UNAUTHORIZED).then(|| "/login".to_owned()),
                retry: status == StatusCode::SERVICE_UNAVAILABLE,
            },
        )
    };
    for (name, value) in bare.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}

fn words(status: StatusCode) -> (&'static str, &'static str, &'static str) {
    match status.as_u16() {
        400 => (
            "That request is malformed",
            "The server could not read what was sent.",
            "Go back, reload the page and try again.",
        ),
        401 => ("Sign in first", "This needs you to be signed in.", "Sign in and try again."),
        403 => {
            ("Not allowed", "Your account may not do this.", "Ask an administrator if you think you should.")
        }
        404 => (
            "Nothing here",
            "There is no page at this address.",
            "Check the address, or start from the front page.",
        ),
        405 => (
            "That is not possible here",
            "This address does not take that kind of request.",
            "Go back and use the page's own buttons.",
        ),
        408 => ("That took too long", "The request did not arrive in time.", "Try again."),
        413 => (
            "Too large",
            "More was sent than this page takes (64 KiB).",
            "Shorten what you typed and send it again.",
        ),
        415 => (
            "Not a form",
            "This page takes forms (application/x-www-form-urlencoded) only.",
            "Use the form on the page.",
        ),
        422 => (
            "Something is missing",
            "What was sent could not be used.",
            "Go back, check the fields and send them again.",
        ),
        429 => {
            ("Too many tries", "There were too many tries in a short time.", "Wait a little, then try again.")
        }
        503 => (
            "Just a moment",
            "A part of this site can't be reached right now. If you were signed in, you still are.",
            "Try again in a few seconds.",
        ),
        _ if status.is_client_error() => (
            "That request can't be answered",
            "The server could not use what was sent.",
            "Go back, reload the page and try again.",
        ),
        _ => (
            "Something failed on our side",
            "The fault is ours and has been recorded.",
            "Try again; if it stays, tell the people who run this site.",
        ),
    }
}
