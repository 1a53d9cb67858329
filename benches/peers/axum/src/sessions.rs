//! Sessions for all users before the measurement, made by the stack's own sign-in without the hashing. No server offers this.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{Request, StatusCode, header::SET_COOKIE},
    routing::get,
};
use axum_login::AuthnBackend as _;
use tower::ServiceExt as _;

use crate::{
    users::{AuthSession, Users},
    web::{COOKIE, auth_layer},
};

/// Makes the table of users, signs in everybody, and prints each address with the value of its cookie.
pub async fn begin_all(postgres: &str, redis: &str) -> Result<()> {
    let users = Users::connect(postgres).await?;
    users.create_table().await?;
    let layer = auth_layer(users.clone(), redis).await?;
    let router = Router::new().route("/{id}", get(sign_in)).layer(layer);
    let mut output = std::io::stdout().lock();
    for id in users.ids().await? {
        let request = Request::get(format!("/{id}")).body(Body::empty())?;
        let response = router.clone().oneshot(request).await?;
        let cookie = response.headers().get(SET_COOKIE).context("a sign-in without a cookie")?;
        let value = cookie.to_str()?.strip_prefix(COOKIE).and_then(|rest| rest.strip_prefix('='));
        let value = value.and_then(|rest| rest.split(';').next()).context("another cookie")?.to_owned();
        let email = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
        writeln!(output, "{} {value}", std::str::from_utf8(&email)?)?;
    }
    Ok(())
}

async fn sign_in(mut session: AuthSession, Path(id): Path<i64>) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let user = session.backend.get_user(&id).await.map_err(failed)?.ok_or(StatusCode::NOT_FOUND)?;
    session.login(&user).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(user.email)
}
