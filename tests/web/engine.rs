//! What the tests of the session engine share: handlers of their own that wait at a door, and looks behind the scenes.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix_session::Session;
use actix_web::{
    HttpRequest, HttpResponse,
    rt::task::JoinHandle,
    web::{self, Data, ServiceConfig},
};
use gatehouse::{
    accounts::Accounts,
    error::Error,
    sessions::{CurrentUser, EndReason, EndRequest, Sessions, Target},
};
use serde_json::json;
use tokio::{sync::Semaphore, time::timeout};

use crate::support::*;

/// Where the state of sessions lives, with the database that it goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
    Redis,
}

/// Makes three tests of one: sessions in SQLite, in Postgres and in Redis.
macro_rules! on_all_backends {
    ($name:ident, |$backend:ident| async $body:block) => {
        mod $name {
            use super::*;

            async fn body($backend: $crate::engine::Backend) $body

            #[actix_web::test]
            async fn sqlite() {
                body($crate::engine::Backend::Sqlite).await;
            }

            #[actix_web::test]
            async fn postgres() {
                body($crate::engine::Backend::Postgres).await;
            }

            #[actix_web::test]
            async fn redis() {
                body($crate::engine::Backend::Redis).await;
            }
        }
    };
}
pub(crate) use on_all_backends;

impl Backend {
    /// An application with [`add_routes`].
    pub fn builder(self) -> (Builder, Door) {
        match self {
            Self::Sqlite => builder(Stack::Sqlite),
            Self::Postgres => {
                let (builder, door) = builder(Stack::PostgresRedis);
                (builder.var("REDIS_URL", ""), door)
            }
            Self::Redis => builder(Stack::PostgresRedis),
        }
    }

    /// The hashed session keys that the store holds.
    pub fn entries(self, app: &TestApp) -> Vec<String> {
        match self {
            Self::Redis => app.redis().keys().iter().map(|key| key.replace("sess:", "")).collect(),
            _ => column(app, "SELECT store_key FROM sessions WHERE state IS NOT NULL ORDER BY store_key"),
        }
    }
}

/// An application whose own handlers wait at the door. The stores get all the time that a busy machine takes.
pub fn builder(stack: Stack) -> (Builder, Door) {
    let door = Door::default();
    let inside = door.clone();
    let builder = TestApp::builder(stack).var("STORE_TIMEOUT", "5s");
    (builder.routes(move |app| add_routes(app, inside.clone())), door)
}

/// The same, started.
pub async fn start(stack: Stack) -> (TestApp, Door) {
    let (builder, door) = builder(stack);
    (builder.start().await, door)
}

impl TestApp {
    /// Where this application keeps the state of its sessions; not for Postgres without Redis.
    pub fn backend(&self) -> Backend {
        match self.stores().stack() {
            Stack::Sqlite => Backend::Sqlite,
            Stack::PostgresRedis => Backend::Redis,
        }
    }
}

/// A door before which requests wait. They say when they have come, and pass one by one when let in.
#[derive(Clone)]
pub struct Door {
    come: Arc<Semaphore>,
    passes: Arc<Semaphore>,
}

impl Default for Door {
    fn default() -> Self {
        Self { come: Arc::new(Semaphore::new(0)), passes: Arc::new(Semaphore::new(0)) }
    }
}

impl Door {
    async fn wait(&self) {
        self.come.add_permits(1);
        self.passes.acquire().await.unwrap().forget();
    }

    /// Waits until so many more requests stand before the door.
    pub async fn come(&self, count: u32) {
        let come = timeout(Duration::from_secs(20), self.come.acquire_many(count)).await;
        come.expect("the requests did not come to the door").unwrap().forget();
    }

    /// Lets so many of them in.
    pub fn let_in(&self, count: usize) {
        self.passes.add_permits(count);
    }
}

#[derive(serde::Deserialize)]
struct Proof {
    email: String,
    password: String,
}

/// `/test/…`: the product's verbs with nothing around them. With `/held` before the last part the request has been
/// recognized, but waits at the door before it does anything.
pub fn add_routes(app: &mut ServiceConfig, door: Door) {
    app.app_data(Data::new(door))
        .route("/test/who", web::get().to(who))
        .route("/test/read", web::post().to(read))
        .route("/test/change", web::post().to(change))
        .route("/test/rotate", web::post().to(rotate))
        .route("/test/purge", web::post().to(purge))
        .route("/test/held/read", web::post().to(held_read))
        .route("/test/held/change", web::post().to(held_change))
        .route("/test/held/rotate", web::post().to(held_rotate))
        .route("/test/held/sign-in", web::post().to(held_sign_in))
        .route("/test/held/end/{id}", web::post().to(held_end));
}

fn done() -> HttpResponse {
    HttpResponse::Ok().body("done")
}

async fn who(req: HttpRequest, session: Session) -> Result<HttpResponse, Error> {
    let user = CurrentUser::find(&req).await?;
    let counter = session.get::<u32>("counter").unwrap();
    let user = user.as_deref();
    Ok(HttpResponse::Ok().json(json!({
        "user": user.map(|user| &user.email), "session": user.map(|user| &user.session.id), "counter": counter,
    })))
}

async fn read(_: CurrentUser) -> HttpResponse {
    done()
}

async fn change(_: CurrentUser, session: Session) -> HttpResponse {
    let counter: u32 = session.get("counter").unwrap().unwrap_or(0);
    session.insert("counter", counter + 1).unwrap();
    done()
}

async fn purge(session: Session) -> HttpResponse {
    session.purge();
    done()
}

async fn rotate(_: CurrentUser, sessions: Data<Sessions>, req: HttpRequest) -> HttpResponse {
    sessions.rotate(&req);
    done()
}

async fn held_read(user: CurrentUser, door: Data<Door>) -> HttpResponse {
    door.wait().await;
    read(user).await
}

async fn held_change(user: CurrentUser, door: Data<Door>, session: Session) -> HttpResponse {
    door.wait().await;
    change(user, session).await
}

async fn held_rotate(
    user: CurrentUser,
    door: Data<Door>,
    sessions: Data<Sessions>,
    req: HttpRequest,
) -> HttpResponse {
    door.wait().await;
    rotate(user, sessions, req).await
}

/// A sign-in that has proven its password and is about to start the session.
async fn held_sign_in(
    req: HttpRequest,
    door: Data<Door>,
    accounts: Data<Accounts>,
    sessions: Data<Sessions>,
    client: gatehouse::security::Client,
    proof: web::Form<Proof>,
) -> Result<HttpResponse, Error> {
    let Proof { email, password } = proof.into_inner();
    let user = accounts.authenticate(&email, password).await?.ok_or(Error::SignInFirst)?;
    door.wait().await;
    sessions.start(&req, &user, false, client).await?;
    Ok(done())
}

/// Ends one of the user's own sessions and says whether the store has confirmed it.
async fn held_end(
    user: CurrentUser,
    door: Data<Door>,
    sessions: Data<Sessions>,
    id: web::Path<String>,
) -> Result<HttpResponse, Error> {
    door.wait().await;
    let ending = EndRequest { by: Some(user.id), ..EndRequest::by_system(EndReason::EndedByUser) };
    let ends = sessions.end(Target::OneOf { user: user.id, id: id.into_inner() }, ending).await?;
    Ok(HttpResponse::Ok().json(json!({"count": ends.count, "confirmed": ends.confirmed})))
}

/// Sends an empty form beside the test.
pub fn send(client: &Rc<Client>, path: &str) -> JoinHandle<Answer> {
    send_form(client, path, &[])
}

/// Sends a form beside the test.
pub fn send_form(client: &Rc<Client>, path: &str, fields: &[(&str, &str)]) -> JoinHandle<Answer> {
    let (client, path) = (client.clone(), path.to_owned());
    let fields: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    actix_web::rt::spawn(async move {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        client.post(&path, &fields).await
    })
}

/// The name of the session's cookie.
pub const COOKIE: &str = "gatehouse";

/// The session cookie that an answer sets, if it sets one that is not a removal.
pub fn new_cookie(answer: &Answer) -> Option<Cookie> {
    answer.set_cookies().into_iter().find(|cookie| cookie.name == COOKIE && cookie.max_age() != Some(0))
}

/// Whether a page that needs a login opens.
pub async fn signed_in(client: &Client) -> bool {
    let answer = client.get("/profile").await;
    match answer.status {
        200 => true,
        303 => {
            let _ = answer.to("/login?next=%2Fprofile");
            false
        }
        other => panic!("{other}: {}", answer.summary()),
    }
}

/// The public id of the session that a client has.
pub async fn id_of(client: &Client) -> String {
    let who = client.get("/test/who").await.expect(200).json();
    who["session"].as_str().unwrap_or_else(|| panic!("nobody: {who}")).to_owned()
}

/// The ids on somebody's own list, in its order.
pub async fn listed(client: &Client) -> Vec<String> {
    ids(&client.get("/sessions").await.expect(200))
}

/// The ids on the administrator's list, in its order.
pub async fn listed_for_admin(admin: &Client) -> Vec<String> {
    ids(&admin.get("/admin/sessions").await.expect(200))
}

fn ids(page: &Answer) -> Vec<String> {
    let found = page.attributes("[id^='session-']", "id");
    found.iter().map(|id| id.replacen("session-", "", 1)).collect()
}

/// The first column of a query.
pub fn column(app: &TestApp, select: &str) -> Vec<String> {
    app.query_text(select).into_iter().map(|row| row.into_iter().next().flatten().unwrap()).collect()
}

/// The sessions that have not ended.
pub fn live(app: &TestApp) -> Vec<String> {
    column(app, "SELECT id FROM sessions WHERE ended_at IS NULL ORDER BY created_at, id")
}

/// Why a session ended.
pub fn reason(app: &TestApp, id: &str) -> Option<String> {
    app.query_one(&format!("SELECT end_reason FROM sessions WHERE id = {}", quoted(id)))
}

/// What the log says of the end of a session: who did it and why, once for each entry.
pub fn ends_in_log(app: &TestApp, id: &str) -> Vec<(Option<String>, String)> {
    let rows = app.query_text(&format!(
        "SELECT actor_id, detail FROM events WHERE kind = 'session_ended' AND session_id = {}",
        quoted(id)
    ));
    rows.into_iter().map(|row| (row[0].clone(), row[1].clone().unwrap())).collect()
}

/// The number of a user's account.
pub fn user_id(app: &TestApp, person: &Person) -> String {
    app.query_one(&format!("SELECT id FROM users WHERE email = {}", quoted(&person.email))).unwrap()
}

/// What deactivating somebody does.
pub fn deactivate(app: &TestApp, person: &Person) {
    let id = user_id(app, person);
    app.sql(&format!("UPDATE users SET active = false, session_epoch = session_epoch + 1 WHERE id = {id}"));
    let theirs = format!("user_id = {id} AND ended_at IS NULL");
    if app.backend() == Backend::Redis {
        app.sql(&format!(
            "INSERT INTO pending_deletions SELECT id, user_id, store_key FROM sessions WHERE {theirs}"
        ));
    }
    app.sql(&format!(
        "UPDATE sessions SET ended_at = CURRENT_TIMESTAMP, end_reason = 'user_deactivated', state = NULL WHERE {theirs}"
    ));
}
