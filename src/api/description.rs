//! `GET /auth/openapi.json`: the description of all calls (OpenAPI 3.1), made from the code.

use actix_web::web::{Data, Json};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Description, RefOr, Required, Response, ResponseBuilder,
        content::ContentBuilder,
        path::Operation,
        schema::Ref,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
        server::ServerBuilder,
    },
};

use super::{answers, ends, me, own_sessions, sign_in, verify};
use crate::{config::Config, web::accept::PROBLEM_JSON};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gatehouse",
        description = "Signing in for front ends, apps and scripts. A session is known by its cookie or by a token (`Authorization: Bearer`), never by both. Unsafe calls of browsers are refused where a page of another site sends them.",
        license(name = "MIT", identifier = "MIT"),
    ),
    paths(
        sign_in::register,
        sign_in::login,
        sign_in::verify_code,
        sign_in::logout,
        me::me,
        me::session,
        me::profile,
        me::change_name,
        own_sessions::list,
        own_sessions::end,
        own_sessions::end_others,
        own_sessions::rotate,
        verify::verify,
        ends::stream,
        json,
    ),
    components(schemas(answers::Problem)),
    modifiers(&CommonAnswers),
    security(("cookie" = []), ("bearer" = [])),
    tags(
        (name = "Sign in", description = "Getting a session, and giving it up."),
        (name = "Who is signed in", description = "The account and the session."),
        (name = "Sessions", description = "The devices of whoever is signed in."),
        (name = "Sites behind this login", description = "What proxies ask."),
        (name = "Description", description = "What this is made from."),
    ),
)]
struct Calls;

/// What every call may answer.
struct CommonAnswers;

impl Modify for CommonAnswers {
    fn modify(&self, description: &mut Description) {
        for item in description.paths.paths.values_mut() {
            let reads = item.get.iter_mut().map(|operation| (operation, false));
            let writes = [&mut item.post, &mut item.put, &mut item.delete];
            let writes = writes.into_iter().flatten().map(|operation| (operation, true));
            for (operation, is_write) in reads.chain(writes) {
                complete(operation, is_write);
            }
            // What ends something can do without fields.
            let body = item.delete.as_mut().and_then(|operation| operation.request_body.as_mut());
            if let Some(RefOr::T(body)) = body {
                body.required = Some(Required::False);
            }
        }
    }
}

fn complete(operation: &mut Operation, is_write: bool) {
    let mut common = vec![
        ("400", "The request can't be read, or brings both a cookie and a token."),
        ("500", "The fault is the server's."),
        (
            "503",
            "A store can't be reached, or the session has just got a new key; `Retry-After` says when to try again.",
        ),
    ];
    let refused = "The site requires a second factor that the account has not set up yet (type `second-factor-missing`).";
    if is_write {
        common.push(("403", "A page of another site sent the request, or the site requires a second factor that the account has not set up yet (type `second-factor-missing`)."));
        common.push(("413", "The body is larger than 64 KiB."));
        common.push(("415", "The body is neither JSON nor a form."));
        common.push(("422", "Fields that there are not were sent; `errors` names them."));
    }
    if operation.security.is_none() {
        common.push(("401", "Nobody is signed in, or the session has ended."));
        common.push(("403", refused));
    }
    for (status, text) in common {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem(text));
    }
}

fn problem(text: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(text).content(PROBLEM_JSON, content).build().into()
}

/// The description for this site.
pub(super) fn of(config: &Config) -> Description {
    let mut description = Calls::openapi();
    let server = config.server.base_url.origin().ascii_serialization();
    description.servers = Some(vec![ServerBuilder::new().url(server).build()]);
    let cookie = ApiKeyValue::new(config.session.cookie_name.clone());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    if let Some(components) = &mut description.components {
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.clone()));
        components.add_security_scheme("gate_key", SecurityScheme::Http(bearer));
    }
    description
}

/// `GET /auth/openapi.json`
#[utoipa::path(
    get, path = "/auth/openapi.json", tag = "Description", summary = "This description",
    description = "OpenAPI 3.1, made from the code; `/auth/docs` is a page of it.",
    responses((status = 200, description = "The description.", body = serde_json::Value)),
    security(()),
)]
pub async fn json(config: Data<Config>) -> Json<Description> {
    Json(of(&config))
}
