//! `/test/…`: the product's session operations behind handlers of the tests' own, some of which wait at a barrier.

use actix_session::Session;
use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use gatehouse::{
    accounts::Accounts,
    error::Error,
    sessions::{
        Administrator, CurrentUser, EndReason, EndRequest, NewSession, Sessions, Target,
        catalogue::method::Method,
    },
};
use serde_json::json;

use super::{
    app::{Builder, TestApp},
    barrier::Barrier,
    client::Client,
    stack::{Backend, Stack},
};

/// An application with these routes, and the barrier at which their requests wait.
pub fn builder(stack: Stack) -> (Builder, Barrier) {
    let barrier = Barrier::default();
    let held = barrier.clone();
    (TestApp::builder(stack).routes(move |app| add_routes(app, held.clone())), barrier)
}

/// The same, started.
pub async fn start(stack: Stack) -> (TestApp, Barrier) {
    let (builder, barrier) = builder(stack);
    (builder.start().await, barrier)
}

/// The same with the state of its sessions in a backend.
pub fn builder_on(backend: Backend) -> (Builder, Barrier) {
    let (builder, barrier) = builder(backend.stack());
    (builder.sessions_in(backend), barrier)
}

/// The same, started.
pub async fn start_on(backend: Backend) -> (TestApp, Barrier) {
    let (builder, barrier) = builder_on(backend);
    (builder.start().await, barrier)
}

/// The public id of the session that a client has; panics when it has none.
pub async fn session_id(client: &Client) -> String {
    let who = client.get("/test/who").await.expect(200).json();
    who["session"].as_str().unwrap_or_else(|| panic!("nobody is signed in: {who}")).to_owned()
}

/// What a session remembers of the changes made to it with `/test/change`; panics when nobody is signed in.
pub async fn counter(client: &Client) -> Option<u64> {
    let who = client.get("/test/who").await.expect(200).json();
    assert!(who["user"].is_string(), "nobody is signed in: {who}");
    who["counter"].as_u64()
}

/// The routes. With `/held` before the last part, the request's session has been loaded and its user is known, but it
/// waits at the barrier before it does anything; with `/unchecked` nothing has asked for the user.
fn add_routes(app: &mut ServiceConfig, barrier: Barrier) {
    app.app_data(Data::new(barrier))
        .route("/test/who", web::get().to(who))
        .route("/test/admin", web::get().to(administrators_only))
        .route("/test/read", web::post().to(read))
        .route("/test/write", web::post().to(write))
        .route("/test/change", web::post().to(change))
        .route("/test/rotate", web::post().to(rotate))
        .route("/test/purge", web::post().to(purge))
        .route("/test/held/read", web::post().to(held_read))
        .route("/test/held/change", web::post().to(held_change))
        .route("/test/held/rotate", web::post().to(held_rotate))
        .route("/test/held/sign-in", web::post().to(held_sign_in))
        .route("/test/held/end/{id}", web::post().to(held_end))
        .route("/test/unchecked/change", web::get().to(unchecked_change))
        .route("/test/unchecked/rotate", web::get().to(unchecked_rotate));
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

/// Writes into the session of any visitor.
async fn write(session: Session) -> HttpResponse {
    session.insert("counter", 7).unwrap();
    done()
}

async fn administrators_only(_: Administrator) -> HttpResponse {
    HttpResponse::Ok().finish()
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

async fn held_read(user: CurrentUser, barrier: Data<Barrier>) -> HttpResponse {
    barrier.hold().await;
    read(user).await
}

async fn held_change(user: CurrentUser, barrier: Data<Barrier>, session: Session) -> HttpResponse {
    barrier.hold().await;
    change(user, session).await
}

async fn held_rotate(
    user: CurrentUser,
    barrier: Data<Barrier>,
    sessions: Data<Sessions>,
    req: HttpRequest,
) -> HttpResponse {
    barrier.hold().await;
    rotate(user, sessions, req).await
}

#[derive(serde::Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

/// A sign-in that has checked the password and is about to start the session.
async fn held_sign_in(
    req: HttpRequest,
    barrier: Data<Barrier>,
    accounts: Data<Accounts>,
    sessions: Data<Sessions>,
    client: gatehouse::security::Client,
    credentials: web::Form<Credentials>,
) -> Result<HttpResponse, Error> {
    let Credentials { email, password } = credentials.into_inner();
    let user = accounts.authenticate(&email, password, &client).await?.ok_or(Error::SignInFirst)?;
    barrier.hold().await;
    let new = NewSession {
        user_id: user.id,
        role: user.role,
        epoch: user.session_epoch,
        remembered: false,
        method: Method::Password,
        confirmed: true,
        client,
    };
    sessions.start(&req, new, |_| Ok(()), |_, _| Ok(())).await?;
    Ok(done())
}

/// Ends one of the user's own sessions; says whether the store has confirmed it.
async fn held_end(
    user: CurrentUser,
    barrier: Data<Barrier>,
    sessions: Data<Sessions>,
    id: web::Path<String>,
) -> Result<HttpResponse, Error> {
    barrier.hold().await;
    let ending = EndRequest { by: Some(user.id), ..EndRequest::by_system(EndReason::EndedByUser) };
    let ends = sessions.end(Target::Ids(vec![id.into_inner()]), ending).await?;
    Ok(HttpResponse::Ok().json(json!({"count": ends.count, "confirmed": ends.confirmed})))
}

async fn unchecked_change(session: Session, barrier: Data<Barrier>) -> HttpResponse {
    barrier.hold().await;
    session.insert("colour", "green").unwrap();
    HttpResponse::NoContent().finish()
}

async fn unchecked_rotate(
    req: HttpRequest,
    sessions: Data<Sessions>,
    barrier: Data<Barrier>,
) -> HttpResponse {
    barrier.hold().await;
    sessions.rotate(&req);
    HttpResponse::NoContent().finish()
}
