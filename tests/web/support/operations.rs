//! `/test/operations/{name}`: the operations of `Accounts` and `Sessions` behind handlers of the tests' own, which answer with
//! what the operation returned and without any page.

use std::{collections::HashMap, fmt::Debug};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use gatehouse::{
    accounts::{Accounts, Actor, Credentials, NewAccount, NewInvitation, Proof},
    error::Error,
    security::Client,
    sessions::{
        CurrentUser, Remarks, Sessions,
        catalogue::filter::{Filter, ListQuery},
    },
    text::SearchKey,
    users::Role,
};

use super::{
    app::{Builder, TestApp},
    client,
    stack::Stack,
};

/// An application with these routes.
pub fn builder(stack: Stack) -> Builder {
    TestApp::builder(stack).routes(add_routes)
}

/// Starts an application with these routes.
pub async fn start(stack: Stack) -> TestApp {
    builder(stack).start().await
}

/// Runs an operation for a client and returns its result as `Debug` prints it.
pub async fn run(client: &client::Client, name: &str, fields: &[(&str, &str)]) -> String {
    client.post(&format!("/test/operations/{name}"), fields).await.expect(200).body
}

fn add_routes(app: &mut ServiceConfig) {
    app.route("/test/operations/own/{name}", web::post().to(own))
        .route("/test/operations/visitor/{name}", web::post().to(visitor))
        .route("/test/operations/operator/{name}", web::post().to(operator))
        .route("/test/operations/preview", web::post().to(preview));
}

/// The fields of the form.
struct Fields(HashMap<String, String>);

impl Fields {
    fn proof(&self) -> Proof {
        Proof { password: self.get("password"), code: String::new() }
    }

    fn get(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_else(|| panic!("the field {name} is missing"))
    }

    fn id(&self) -> i64 {
        self.get("id").parse().unwrap()
    }

    fn role(&self) -> Role {
        Role::parse(&self.get("role")).unwrap()
    }

    fn account(&self) -> NewAccount {
        NewAccount { name: self.get("name"), email: self.get("email"), password: self.get("password") }
    }
}

fn shown(value: &impl Debug) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::Ok().body(format!("{value:?}")))
}

/// Operations of whoever sends the request.
async fn visitor(
    req: HttpRequest,
    accounts: Data<Accounts>,
    client: Client,
    name: web::Path<String>,
    form: web::Form<HashMap<String, String>>,
) -> Result<HttpResponse, Error> {
    let fields = Fields(form.into_inner());
    match name.as_str() {
        "sign-in" => {
            let (email, password) = (fields.get("email"), fields.get("password"));
            let given = Credentials { email: &email, password, remember: false, trusted: None };
            shown(&accounts.sign_in(&req, given, client).await?)
        }
        "sign-up" => shown(&accounts.sign_up(&req, fields.account(), client).await?),
        "set-up" => shown(&accounts.set_up(&req, fields.get("token"), fields.account(), client).await?),
        "choose-password" => {
            let (token, password) = (fields.get("token"), fields.get("password"));
            shown(&accounts.choose_password(&req, token, password, client).await?)
        }
        "link-owner" => {
            let owner = accounts.link_owner(&fields.get("token"), &client).await?;
            shown(&owner.map(|(user, purpose)| (user.email, purpose)))
        }
        other => panic!("no such operation: {other}"),
    }
}

/// Operations of a signed-in user on their own account.
async fn own(
    req: HttpRequest,
    accounts: Data<Accounts>,
    user: CurrentUser,
    client: Client,
    name: web::Path<String>,
    form: web::Form<HashMap<String, String>>,
) -> Result<HttpResponse, Error> {
    let fields = Fields(form.into_inner());
    match name.as_str() {
        "sign-out" => shown(&accounts.sign_out(&req, &user, client).await?),
        "change-name" => shown(&accounts.change_name(&user, &fields.get("name"), client).await?),
        "password-again" => shown(&accounts.password_again(&user, fields.proof(), &client).await?.is_some()),
        "change-password" => {
            let proven = accounts.password_again(&user, fields.proof(), &client).await?;
            let proven = proven.ok_or(Error::SignInFirst)?;
            shown(&accounts.change_password(&req, &user, proven, fields.get("new"), client).await?)
        }
        "confirm-password" => shown(&accounts.confirm_password(&req, &user, fields.proof(), client).await?),
        "end-session" => shown(&accounts.end_own_session(&req, &user, fields.get("session"), client).await?),
        "end-others" => shown(&accounts.end_other_sessions(&req, &user, client).await?),
        "delete" => shown(&accounts.delete(&req, &user, client).await?),
        other => panic!("no such operation: {other}"),
    }
}

/// Operations of an operator on the command line.
async fn operator(
    accounts: Data<Accounts>,
    name: web::Path<String>,
    form: web::Form<HashMap<String, String>>,
) -> Result<HttpResponse, Error> {
    let fields = Fields(form.into_inner());
    let by = Actor::OPERATOR;
    match name.as_str() {
        "create" => {
            let created = accounts.create(fields.account(), fields.role()).await?;
            shown(&created.map(|user| (user.email, user.role)))
        }
        "set-role" => shown(&accounts.set_role(fields.id(), fields.role(), by).await?),
        "deactivate" => shown(&accounts.deactivate(fields.id(), Remarks::default(), by).await?),
        "activate" => shown(&accounts.activate(fields.id(), by).await?),
        "end-sessions" => {
            let (_, outcome) = accounts.end_sessions_of(fields.id(), None, Remarks::default(), by).await?;
            shown(&outcome)
        }
        "set-password" => shown(&accounts.set_password(fields.id(), fields.get("password"), by).await?),
        "invite" => {
            let new =
                NewInvitation { name: fields.get("name"), email: fields.get("email"), role: fields.role() };
            Ok(HttpResponse::Ok()
                .body(accounts.invite(new, by).await?.map_or_else(String::new, |link| link.token)))
        }
        "issue-link" => {
            let link = accounts.issue_link(fields.id(), by).await?;
            Ok(HttpResponse::Ok().body(link.map_or_else(String::new, |link| link.token)))
        }
        other => panic!("no such operation: {other}"),
    }
}

/// What ending all sessions of the users whose name contains `q` would do.
async fn preview(
    sessions: Data<Sessions>,
    user: CurrentUser,
    form: web::Form<HashMap<String, String>>,
) -> Result<HttpResponse, Error> {
    let own = user.session.id;
    let filter = Filter {
        person: SearchKey::new(&Fields(form.into_inner()).get("q")),
        except: Some(own.clone()),
        ..Filter::default()
    };
    let query = sessions.resolve(ListQuery { filter, ..ListQuery::default() }).await?;
    let preview = sessions.preview(&query, &own).await?;
    shown(&(preview.count, preview.users, preview.rows.len(), preview.includes_own))
}
