//! The limit server: the least work that could give the same responses from the same two stores. What the application
//! costs beyond it is the price of the application. Here it is started; `server` is what runs in its process.

mod recording;
mod server;

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Child;

use self::recording::{ME, PAGE, REMEMBERED_PAGE, Recording, SIGN_IN, STATE, VERIFIED};
pub use self::server::serve;
use crate::{
    app,
    client::Connection,
    load::Page,
    server::{PASSWORD, Server, User, free_port},
    stores::Stores,
};

/// Records the application's responses and starts the limit server, in a process of its own, to send the same. `remembered` is a user
/// of a session with "remember me".
pub async fn start(stores: &Stores, app: Server, user: &User, remembered: &User) -> Result<(Child, Server)> {
    let directory = stores.directory.path();
    let mut connection = Connection::open(app.port).await?;
    for (page, file, user) in [
        (Page::Profile, PAGE, user),
        (Page::Profile, REMEMBERED_PAGE, remembered),
        (Page::Verify, VERIFIED, user),
        (Page::Me, ME, user),
    ] {
        let response = connection.get(page.path(), &user.cookie).await?;
        ensure!(page.is_for(user, &response), response.unexpected("a page to replay"));
        Recording::save(directory, file, &response, &user.email)?;
    }
    let fields = [("email", user.email.as_str()), ("password", PASSWORD), ("next", "")];
    Recording::save(directory, SIGN_IN, &connection.post("/login", &fields).await?, &user.email)?;
    let key = user.limit_cookie.rsplit('=').next().unwrap_or_default();
    let state: String =
        redis::cmd("GET").arg(format!("sess:{key}")).query_async(&mut stores.connect_redis().await?).await?;
    std::fs::write(directory.join(STATE), state)?;

    let port = free_port()?;
    let child = tokio::process::Command::new(std::env::current_exe()?)
        .args(["limit", &port.to_string(), stores.postgres_url.as_str(), stores.redis_url.as_str()])
        .arg(directory)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().context("the limit server has stopped")?;
    let server = Server { port, pid, cookie: |user| &user.limit_cookie };
    app::wait_until_ready(server, "/profile", &user.limit_cookie).await?;
    Ok((child, server))
}
