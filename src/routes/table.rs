//! The table of routes: declarations, and the actix resources that are made of them.

use std::rc::Rc;

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route,
    guard::{self, Guard},
    http::{Method, header::ALLOW},
    middleware::from_fn,
    web,
};

use super::access::{Access, FormPage, Rule, check};
use crate::sessions::CurrentUser;

/// One route of the table without its handler, for tests that request each route with each kind of client.
#[derive(Debug, Clone)]
pub struct RouteSpec {
    /// `GET`, which includes `HEAD`, or `POST`.
    pub method: Method,
    /// The pattern, such as `/sessions/{id}/end`.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Whether the password must have been confirmed recently (`CONFIRM_PASSWORD_TTL`).
    pub confirmed: bool,
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
        self.add(RouteSpec { method: Method::GET, path, access, confirmed: false }, get_or_head, handler)
    }

    /// Adds a route for `POST`.
    pub fn post<F, Args>(self, path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(RouteSpec { method: Method::POST, path, access, confirmed: false }, guard::Post(), handler)
    }

    /// Adds a route for `POST` of a sensitive action: the password must have been confirmed recently.
    pub fn post_confirmed<F, Args>(self, path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(RouteSpec { method: Method::POST, path, access, confirmed: true }, guard::Post(), handler)
    }

    fn add<F, Args>(mut self, spec: RouteSpec, guard: impl Guard + 'static, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard).to(handler);
        let has_page = self.specs.iter().any(|other| other.method == Method::GET && other.path == spec.path);
        let form_page = if has_page { FormPage::Same } else { FormPage::Above };
        let rule = Rule { access: spec.access, confirmed: spec.confirmed, form_page };
        self.routes.push(if spec.access == Access::Public && spec.method == Method::GET {
            route
        } else {
            route.wrap(from_fn(move |req, next| check(rule, req, next)))
        });
        self.specs.push(spec);
        self
    }

    /// The table without its handlers.
    pub fn specs(&self) -> &[RouteSpec] {
        &self.specs
    }

    /// The resources, one per path; for other methods they answer 405 with `Allow`.
    pub fn into_resources(self) -> Vec<Resource> {
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
            // Looked up for the header of the error page only, so an error of the lookup is ignored.
            drop(CurrentUser::find(&req).await);
            HttpResponse::MethodNotAllowed().insert_header((ALLOW, allow.as_ref())).finish()
        }
    }))
}
