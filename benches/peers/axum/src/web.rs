//! The server: the page behind the login and the sign-in.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use axum::{
    Form, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
    serve::ListenerExt as _,
};
use axum_login::{
    AuthManagerLayer, AuthManagerLayerBuilder, login_required,
    tower_sessions::{
        Expiry, SessionManagerLayer,
        cookie::{SameSite, time::Duration},
    },
};
use tokio::net::TcpListener;
use tower_sessions_redis_store::{
    RedisStore,
    fred::prelude::{ClientLike as _, Config, Pool},
};

use crate::{
    recording::Replay,
    users::{AuthSession, Credentials, Users},
};

/// The session cookie's name, which the clients look for.
pub const COOKIE: &str = "gatehouse";

/// Connections to Redis, as the documentation of the store has it.
const REDIS_CONNECTIONS: usize = 6;

/// The recorded responses.
struct Pages {
    profile: Replay,
    signed_in: Replay,
}

/// Serves on a port of 127.0.0.1.
pub async fn serve(port: u16, postgres: &str, redis: &str, directory: &Path) -> Result<()> {
    let pages = Arc::new(Pages {
        profile: Replay::load(directory, "page")?,
        signed_in: Replay::load(directory, "sign-in")?,
    });
    let router = Router::new()
        .route("/profile", get(profile))
        .route_layer(login_required!(Users))
        .route("/login", post(login))
        .with_state(pages)
        .layer(auth_layer(Users::connect(postgres).await?, redis).await?);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    // As other servers do it by themselves.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// Sessions in Redis that last for a day without requests. Each request renews that and gets the cookie again.
pub async fn auth_layer(users: Users, redis: &str) -> Result<AuthManagerLayer<Users, RedisStore<Pool>>> {
    let pool = Pool::new(Config::from_url(redis)?, None, None, None, REDIS_CONNECTIONS)?;
    pool.init().await?;
    let sessions = SessionManagerLayer::new(RedisStore::new(pool))
        .with_name(COOKIE)
        .with_secure(false)
        .with_same_site(SameSite::Lax)
        .with_always_save(true)
        .with_expiry(Expiry::OnInactivity(Duration::days(1)));
    Ok(AuthManagerLayerBuilder::new(users, sessions).build())
}

async fn profile(session: AuthSession, State(pages): State<Arc<Pages>>) -> Response {
    let Some(user) = session.user else { return StatusCode::UNAUTHORIZED.into_response() };
    pages.profile.response(&user.email)
}

async fn login(
    mut session: AuthSession,
    State(pages): State<Arc<Pages>>,
    Form(credentials): Form<Credentials>,
) -> Response {
    let user = match session.authenticate(credentials).await {
        Ok(Some(user)) => user,
        Ok(None) => return StatusCode::UNAUTHORIZED.into_response(),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    if session.login(&user).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    pages.signed_in.response(&user.email)
}
