//! The whole URL table, each route with its rule. What is not in it does not exist; what has no rule can't be
//! written down.

use std::{future::Future, pin::Pin, rc::Rc};

use actix_web::{
    Error as ActixError, FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    guard::{self, Guard},
    http::{
        Method,
        header::{ALLOW, LOCATION},
    },
    middleware::{Next, from_fn},
    web,
};

use crate::{
    accounts::{
        deletion,
        pages::{
            activity, confirm, login, profile, recovery, register, session_stream, sessions as my_sessions,
        },
        setup,
    },
    admin,
    app::Site,
    error::{Detail, Error},
    gate,
    layout::{Layout, error_pages::wants_json, home},
    ops::health,
    sessions::{CurrentUser, Departed},
    web::assets,
};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anyone.
    Public,
    /// Whoever is signed in.
    User,
    /// Administrators.
    Admin,
}

use Rule::{Admin, Public, User};

/// One line of the table, for tests that ask each route as each kind of visitor.
#[derive(Debug, Clone)]
pub struct Line {
    /// `GET` (and then `HEAD` too) or `POST`.
    pub method: Method,
    /// The pattern, such as `/sessions/{id}/end`.
    pub path: &'static str,
    /// Who may use it.
    pub rule: Rule,
    /// Whether the password must have been given lately (`CONFIRM_PASSWORD_TTL`).
    pub confirmed: bool,
}

/// Routes that touch neither session nor store.
pub fn without_session() -> Table {
    Table::default().get("/static/{name}", Public, assets::serve).get("/healthz", Public, health::alive).get(
        "/readyz",
        Public,
        health::ready,
    )
}

/// All other routes.
pub fn with_session() -> Table {
    Table::default()
        .get("/", Public, home::show)
        .get("/register", Public, register::show)
        .post("/register", Public, register::submit)
        .get("/login", Public, login::show)
        .post("/login", Public, login::submit)
        .post("/logout", User, login::logout)
        .get("/setup", Public, setup::show)
        .post("/setup", Public, setup::submit)
        .get("/profile", User, profile::show)
        .post("/profile", User, profile::change_name)
        .post("/profile/password", User, profile::change_password)
        .post("/profile/delete", User, deletion::delete)
        .get("/password/reset", Public, recovery::show)
        .post("/password/reset", Public, recovery::submit)
        .get("/confirm-password", User, confirm::show)
        .post("/confirm-password", User, confirm::submit)
        .get("/activity", User, activity::show)
        .get("/session/events", User, session_stream::events)
        .get("/sessions", User, my_sessions::show)
        .post("/sessions/end-others", User, my_sessions::end_others)
        .post("/sessions/{id}/end", User, my_sessions::end)
        .get("/pages/{path:admin(?:/.*)?}", Admin, gate::pages::serve)
        .get("/pages/{path:.*}", User, gate::pages::serve)
        .get("/admin", Admin, admin::overview::page::show)
        .get("/admin/events", Admin, admin::events::list::show)
        .get("/admin/events.csv", Admin, admin::events::csv::download)
        .get("/admin/sessions", Admin, admin::sessions::list::show)
        .post("/admin/sessions/end", Admin, admin::sessions::end::end)
        .get("/admin/sessions/events", Admin, admin::sessions::live::events)
        .get("/admin/sessions/ends/{id}", Admin, admin::sessions::end_progress::show)
        .get("/admin/sessions/{id}", Admin, admin::sessions::one::show)
        .post("/admin/sessions/{id}/end", Admin, admin::sessions::one::end)
        .get("/admin/users", Admin, admin::users::list::show)
        .post_confirmed("/admin/users", Admin, admin::users::list::invite)
        .get("/admin/users/{id}", Admin, admin::users::one::show)
        .post_confirmed("/admin/users/{id}/role", Admin, admin::users::one::change_role)
        .post_confirmed("/admin/users/{id}/deactivate", Admin, admin::users::one::deactivate)
        .post_confirmed("/admin/users/{id}/activate", Admin, admin::users::one::activate)
        .post_confirmed("/admin/users/{id}/end-sessions", Admin, admin::users::one::end_sessions)
        .post_confirmed("/admin/users/{id}/send-reset", Admin, admin::users::one::make_link)
}

/// Routes with their rules, grouped by path as they were written.
#[derive(Default)]
pub struct Table {
    lines: Vec<Line>,
    routes: Vec<Route>,
}

impl Table {
    /// A page that changes nothing.
    pub fn get<F, Args>(self, path: &'static str, rule: Rule, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let read = guard::Any(guard::Get()).or(guard::Head());
        self.add(Line { method: Method::GET, path, rule, confirmed: false }, read, handler)
    }

    /// A form.
    pub fn post<F, Args>(self, path: &'static str, rule: Rule, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Line { method: Method::POST, path, rule, confirmed: false }, guard::Post(), handler)
    }

    /// A form of a sensitive action: the password must have been given lately.
    pub fn post_confirmed<F, Args>(self, path: &'static str, rule: Rule, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Line { method: Method::POST, path, rule, confirmed: true }, guard::Post(), handler)
    }

    fn add<F, Args>(mut self, line: Line, guard: impl Guard + 'static, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard).to(handler);
        let rule = line.rule;
        let same_page = self.lines.iter().any(|other| other.method == Method::GET && other.path == line.path);
        let form_is_on = line.confirmed.then_some(if same_page { Page::Same } else { Page::Above });
        self.routes.push(match rule {
            Public => route,
            User | Admin => route.wrap(from_fn(move |req, next| check(rule, form_is_on, req, next))),
        });
        self.lines.push(line);
        self
    }

    /// The table without its handlers.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The services, one per path; other methods answer 405 with `Allow`.
    pub fn into_resources(self) -> Vec<Resource> {
        let mut paths: Vec<(&'static str, Vec<Method>, Vec<Route>)> = Vec::new();
        for (line, route) in self.lines.into_iter().zip(self.routes) {
            match paths.iter_mut().find(|(path, ..)| *path == line.path) {
                Some((_, methods, routes)) => {
                    methods.push(line.method);
                    routes.push(route);
                }
                None => paths.push((line.path, vec![line.method], vec![route])),
            }
        }
        paths.into_iter().map(|(path, methods, routes)| resource(path, &methods, routes)).collect()
    }
}

fn resource(path: &'static str, methods: &[Method], routes: Vec<Route>) -> Resource {
    let allow: Rc<str> = methods
        .iter()
        .map(|method| if *method == Method::GET { "GET, HEAD" } else { method.as_str() })
        .collect::<Vec<_>>()
        .join(", ")
        .into();
    let resource = routes.into_iter().fold(web::resource(path), Resource::route);
    resource.default_service(web::to(move |req: HttpRequest| {
        let allow = Rc::clone(&allow);
        async move {
            // The error page's header says who is signed in. Who it is changes nothing else, so neither does not knowing.
            drop(CurrentUser::find(&req).await);
            HttpResponse::MethodNotAllowed().insert_header((ALLOW, allow.as_ref())).finish()
        }
    }))
}

/// The page that a form is on.
#[derive(Debug, Clone, Copy)]
enum Page {
    /// The one at the address that the form is sent to.
    Same,
    /// The one above that address.
    Above,
}

type Answer = Pin<Box<dyn Future<Output = Result<ServiceResponse<BoxBody>, ActixError>>>>;

/// Lets a request through to its handler, or answers what the contract says for those who may not. `form_is_on`: it
/// takes a password that was given lately.
fn check(
    rule: Rule,
    form_is_on: Option<Page>,
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Answer {
    Box::pin(async move {
        let current = match CurrentUser::find(req.request()).await {
            Ok(Some(user)) => catch_up(req.request(), &user).map(|()| Some(user)),
            other => other,
        };
        match current {
            Err(error) => Ok(req.error_response(error)),
            Ok(None) => {
                let response = not_signed_in(&mut req).await;
                Ok(req.into_response(response))
            }
            Ok(Some(user)) if rule == Admin && !user.is_admin() => {
                tracing::warn!(
                    target: "gatehouse::security",
                    kind = "denied",
                    user = user.id,
                    session = %user.session.id,
                    path = ?req.path(),
                );
                Ok(req.error_response(Error::administrators_only()))
            }
            Ok(Some(user)) => match form_is_on.map(|page| confirm_first(req.request(), &user, page)) {
                Some(Err(error)) => Ok(req.error_response(error)),
                Some(Ok(Some(response))) => Ok(req.into_response(response)),
                None | Some(Ok(None)) => Ok(next.call(req).await?.map_into_boxed_body()),
            },
        }
    })
}

fn catch_up(req: &HttpRequest, user: &CurrentUser) -> Result<(), Error> {
    Site::of(req)?.sessions.catch_up(req, user)
}

/// To the page that asks for the password, if it was last given too long ago, and then back to the form.
fn confirm_first(
    req: &HttpRequest,
    user: &CurrentUser,
    form_is_on: Page,
) -> Result<Option<HttpResponse>, Error> {
    let back = match form_is_on {
        Page::Same => req.path(),
        Page::Above => req.path().rsplit_once('/').map_or("/", |(above, _)| above),
    };
    Ok(confirm::first(req, Site::of(req)?, user, back))
}

/// To the sign-in page, and back here afterwards; a form that was sent gets the page itself with 401.
async fn not_signed_in(req: &mut ServiceRequest) -> HttpResponse {
    if wants_json(req.request()) {
        let mut response = HttpResponse::from_error(Error::SignInFirst);
        let departed = Departed::of(req.request()).await;
        let sentence = departed.map_or_else(
            || "You are not signed in. Sign in to go on.".to_owned(),
            |departed| departed.farewell.sentence(),
        );
        response.extensions_mut().insert(Detail(sentence));
        return response;
    }
    if matches!(*req.method(), Method::GET | Method::HEAD) {
        let here = req.uri().path_and_query().map_or("/", |path| path.as_str());
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", here).finish();
        return HttpResponse::SeeOther().insert_header((LOCATION, format!("/login?{query}"))).finish();
    }
    match req.extract::<Layout>().await {
        Ok(layout) => login::sign_in_first(req.request(), layout, String::new()).await,
        Err(error) => HttpResponse::from_error(error),
    }
}
