//! Error responses: a page of this site, or RFC 9457 problem details for a client that accepts JSON.

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
use serde_json::{Value, json};

use super::{
    error_texts::ErrorTexts,
    page_layout::{Layout, Viewer},
};
use crate::{
    config::Config,
    error::{Detail, Error, FieldProblems, LinkOn, OpenSecondStep, Problem},
    security::{api, refusal, site},
    sessions::CurrentUser,
    state::shared,
    telemetry::shown_in_log,
    web::{
        RequestId,
        accept::{PROBLEM_JSON, wants_json},
        html, trace_id,
    },
};

/// The page of one error status.
#[derive(Template)]
#[template(path = "layout/error.html")]
struct ErrorPage {
    layout: Layout,
    status: u16,
    title: String,
    message: String,
    advice: String,
    link_on: Option<LinkOn>,
    retry: bool,
    request_id: RequestId,
}

/// What error pages and log entries need of a request, read before the request is consumed.
pub struct RequestInfo {
    config: Data<Config>,
    method: Method,
    path: String,
    accepts_json: bool,
    at_site: bool,
    id: RequestId,
    trace_id: Option<String>,
}

/// Replaces an error response, or the `Err` of a middleware, by a rendered page or problem details, and logs the error.
///
/// # Errors
/// The `Err` of a middleware stays an `Err`, whose response is rendered.
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
                log_denial(res.request(), error);
            }
            if is_rendered(res.headers()) {
                return Ok(res);
            }
            let (req, bare) = res.into_parts();
            // The header's forms and streams are for this site's own host.
            let resolved = CurrentUser::resolved(&req).filter(|_| !info.at_site);
            let viewer = resolved.map(|user| user.as_deref().map(Viewer::of));
            Ok(ServiceResponse::new(req, rendered(info, bare, viewer)))
        }
        Err(error) => {
            // With the headers that middleware adds to the answers of errors.
            let bare = error.error_response();
            info.log(bare.status(), &error);
            Err(InternalError::from_response("rendered", rendered(info, bare, None)).into())
        }
    }
}

impl RequestInfo {
    /// Reads what error pages need from a request.
    ///
    /// # Errors
    /// [`Error::Internal`] when the application has no configuration; never in one that `app::start` made.
    pub fn of(req: &HttpRequest) -> Result<Self, Error> {
        Ok(Self {
            config: shared::<Config>(req)?.clone(),
            method: req.method().clone(),
            path: req.path().to_owned(),
            accepts_json: wants_json(req),
            at_site: site::of(&shared::<Config>(req)?.server, req.head()).is_some(),
            id: RequestId::next(),
            trace_id: trace_id(req.headers()).map(str::to_owned),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The id of the request.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// The id of the trace that the request is part of.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn log(&self, status: StatusCode, error: &ActixError) {
        let (status, method, path) = (status.as_u16(), &self.method, shown_in_log(self.path.as_bytes()));
        let request_id = self.id;
        let error = match error.as_error::<Error>() {
            Some(error) => error.causes(),
            None => format!("{error:?}"),
        };
        if status >= 500 {
            tracing::error!(%request_id, status, %method, path, ?error, "request failed");
        } else {
            tracing::debug!(%request_id, status, %method, path, ?error, "request refused");
        }
    }
}

/// Logs that somebody may not do what they asked for, wherever that was found.
fn log_denial(req: &HttpRequest, error: &ActixError) {
    let Some(Error::Forbidden(reason)) = error.as_error::<Error>() else {
        return;
    };
    let user = CurrentUser::resolved(req).flatten();
    refusal::log(req, "denied", user.map(|user| (user.id, user.session.id.clone())).as_ref(), reason);
}

/// Whether the response already has a page, problem details or, as `/readyz`, JSON.
fn is_rendered(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    media_type.starts_with("text/html")
        || media_type.starts_with(PROBLEM_JSON)
        || media_type.starts_with("application/json")
}

/// Where the user can go on, if the page knows.
fn link_on(info: &RequestInfo, bare: &HttpResponse) -> Option<LinkOn> {
    let given = bare.extensions().get::<LinkOn>().cloned();
    given.or_else(|| match bare.status() {
        StatusCode::UNAUTHORIZED => Some(LinkOn { href: "/login".to_owned(), label: "Sign in".to_owned() }),
        StatusCode::MISDIRECTED_REQUEST => {
            let site = info.config.server.base_url.origin().ascii_serialization();
            Some(LinkOn { label: format!("Go to {site}"), href: site })
        }
        _ => None,
    })
}

/// Problem details (RFC 9457), with what is wrong with each field.
fn problem_details(info: &RequestInfo, bare: &HttpResponse, texts: &ErrorTexts, message: String) -> Value {
    let extensions = bare.extensions();
    let problem = extensions.get::<Problem>();
    let kind = problem.map(|problem| info.config.server.href(&format!("{}#/{}", api::DOCS, problem.name)));
    let mut details = json!({
        "type": kind.as_deref().unwrap_or("about:blank"),
        "title": problem.map_or(texts.title, |problem| problem.title),
        "status": bare.status().as_u16(),
        "detail": message,
        "request_id": info.id.to_string(),
    });
    if let Some(FieldProblems(fields)) = extensions.get::<FieldProblems>() {
        details["errors"] = json!(fields);
    }
    if let Some(OpenSecondStep { state, methods }) = extensions.get::<OpenSecondStep>() {
        details["mfa_token"] = json!(state);
        details["methods"] = json!(methods);
    }
    details
}

/// The page or problem details for a bare error response, with its headers (`Allow`, `Retry-After`, cookies). The outer
/// `Option` of `viewer` is `None` when the request was refused before its user was looked up.
fn rendered(info: &RequestInfo, bare: HttpResponse, viewer: Option<Option<Viewer>>) -> HttpResponse {
    let status = bare.status();
    let texts = ErrorTexts::of(status);
    let message = match bare.extensions().get::<Detail>() {
        Some(Detail(text)) => text.clone(),
        None => texts.message.to_owned(),
    };
    let mut response = if info.accepts_json {
        HttpResponse::build(status)
            .content_type(PROBLEM_JSON)
            .body(problem_details(info, &bare, texts, message).to_string())
    } else {
        let unavailable = status == StatusCode::SERVICE_UNAVAILABLE;
        let layout = match info.at_site {
            true => Layout::at_site(&info.config, &info.path),
            false => Layout {
                user_unchecked: viewer.is_none(),
                user: viewer.flatten(),
                unavailable,
                ..Layout::bare(&info.config, &info.path)
            },
        };
        let page = ErrorPage {
            layout,
            status: status.as_u16(),
            title: texts.title.to_owned(),
            message,
            advice: texts.advice.to_owned(),
            link_on: link_on(info, &bare),
            retry: unavailable || status == StatusCode::TOO_MANY_REQUESTS,
            request_id: info.id,
        };
        html(status, &page)
    };
    for (name, value) in bare.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}
