//! The table of routes: declarations, and the actix resources that are made of them.

use std::{collections::HashMap, rc::Rc};

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route,
    guard::{self, Guard},
    http::{
        Method,
        header::{ALLOW, LOCATION},
    },
    middleware::from_fn,
    web,
};

use super::access::{Access, FormPage, Rule, check, is_for_set_up, signs_out};
use crate::{
    accounts::pages::sensitive_action::SensitiveAction,
    security::api,
    sessions::CurrentUser,
    web::{RoutePattern, accept::wants_json},
};

/// One route of the table without its handler, for tests that request each route with each kind of client.
#[derive(Debug, Clone)]
pub struct RouteSpec {
    /// `GET`, which includes `HEAD`, `POST`, or of calls `PUT` and `DELETE`.
    pub method: Method,
    /// The pattern, such as `/sessions/{id}/end`.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// The action for which the password must have been given recently (`CONFIRM_PASSWORD_TTL`), if it is one.
    pub sensitive: Option<SensitiveAction>,
}

/// Routes with their access rules, in the order of their declaration.
#[derive(Default)]
pub struct Table {
    specs: Vec<RouteSpec>,
    routes: Vec<Route>,
}

impl Table {
    /// Adds a route for `GET` and `HEAD`, which changes nothing.
    pub fn get<F, Args>(self, path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let get_or_head = guard::Any(guard::Get()).or(guard::Head());
        self.add(RouteSpec { method: Method::GET, path, access, sensitive: None }, get_or_head, handler)
    }

    /// Adds a route for `POST`.
    pub fn post<F, Args>(self, path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(RouteSpec { method: Method::POST, path, access, sensitive: None }, guard::Post(), handler)
    }

    /// Adds a route for `PUT`.
    pub fn put<F, Args>(self, path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(RouteSpec { method: Method::PUT, path, access, sensitive: None }, guard::Put(), handler)
    }

    /// Adds a route for `DELETE`.
    pub fn delete<F, Args>(self, path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(
            RouteSpec { method: Method::DELETE, path, access, sensitive: None },
            guard::Delete(),
            handler,
        )
    }

    /// Adds a route for `POST` of a sensitive action: the password must have been given recently.
    pub fn post_sensitive<F, Args>(
        self,
        path: &'static str,
        access: Access,
        action: SensitiveAction,
        handler: F,
    ) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let spec = RouteSpec { method: Method::POST, path, access, sensitive: Some(action) };
        self.add(spec, guard::Post(), handler)
    }

    fn add<F, Args>(mut self, spec: RouteSpec, guard: impl Guard + 'static, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard).to(handler);
        let form_page = self.form_page(spec.path);
        let is_call = api::is_json(spec.path);
        let is_for_set_up = is_for_set_up(spec.path);
        let rule = Rule {
            access: spec.access,
            sensitive: spec.sensitive,
            form_page,
            is_call,
            signs_out: signs_out(spec.path),
            is_for_set_up,
        };
        self.routes.push(if spec.access == Access::Public && spec.method == Method::GET {
            route
        } else {
            route.wrap(from_fn(move |req, next| check(rule, req, next)))
        });
        self.specs.push(spec);
        self
    }

    /// The nearest page at or above a path.
    fn form_page(&self, path: &str) -> FormPage {
        let is_page =
            |path: &str| self.specs.iter().any(|spec| spec.method == Method::GET && spec.path == path);
        let mut above =
            std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above));
        FormPage { levels_up: above.position(is_page).unwrap_or(path.matches('/').count()) }
    }

    /// The table without its handlers.
    pub fn specs(&self) -> &[RouteSpec] {
        &self.specs
    }

    /// The resources of a scope at the path `below`, one per path; for other methods they answer 405 with `Allow`. A browser that asks for an address that only
    /// takes forms is led to the page that has the form.
    pub fn into_resources(self, below: &str) -> Vec<Resource> {
        let form_pages: HashMap<_, _> =
            self.specs.iter().map(|spec| (spec.path, self.form_page(spec.path))).collect();
        let mut paths: Vec<(&'static str, Vec<Method>, Vec<Route>)> = Vec::new();
        for (spec, route) in self.specs.into_iter().zip(self.routes) {
            match paths.iter_mut().find(|(path, ..)| *path == spec.path) {
                Some((_, methods, routes)) => {
                    methods.push(spec.method);
                    routes.push(route);
                }
                None => paths.push((spec.path, vec![spec.method], vec![route])),
            }
        }
        paths
            .into_iter()
            .map(|(path, methods, routes)| {
                let form_page = form_pages.get(path).copied();
                resource(path.strip_prefix(below).unwrap_or(path), &methods, routes, form_page)
                    .app_data(RoutePattern(path))
            })
            .collect()
    }
}

fn resource(
    path: &'static str,
    methods: &[Method],
    routes: Vec<Route>,
    form_page: Option<FormPage>,
) -> Resource {
    let allow: Rc<str> = methods
        .iter()
        .map(|method| if *method == Method::GET { "GET, HEAD" } else { method.as_str() })
        .collect::<Vec<_>>()
        .join(", ")
        .into();
    let form_page = form_page.filter(|_| !methods.contains(&Method::GET));
    let resource = routes.into_iter().fold(web::resource(path), Resource::route);
    resource.default_service(web::to(move |req: HttpRequest| {
        let allow = Rc::clone(&allow);
        async move {
            // Looked up for the header of the error page only, so an error of the lookup is ignored.
            drop(CurrentUser::find(&req).await);
            let wants_page = matches!(*req.method(), Method::GET | Method::HEAD) && !wants_json(&req);
            if let Some(page) = form_page.filter(|_| wants_page) {
                return HttpResponse::SeeOther().insert_header((LOCATION, page.of(&req))).finish();
            }
            HttpResponse::MethodNotAllowed().insert_header((ALLOW, allow.as_ref())).finish()
        }
    }))
}
