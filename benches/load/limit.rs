//! The limit server: the least that anything could do for the same answers with the same two stores. What the
//! application costs beyond it is the price of the application.

use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError, mpsc},
};

use actix_web::{
    App as ActixApp, HttpRequest, HttpResponse, HttpServer,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web::{self, Data, Form},
};
use anyhow::{Context as _, Result, ensure};
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc::PasswordHash};
use redis::aio::MultiplexedConnection;
use serde::Deserialize;
use tokio::{process::Child, sync::oneshot};
use tokio_postgres::Statement;
use url::Url;

use crate::{
    PASSWORD, Server, User,
    app::{self, COOKIE, Scene},
    client::{Answer, Connection},
};

const WORKERS: usize = 2;
const TTL_SECONDS: u64 = 24 * 60 * 60;

/// The same columns and conditions as the application's lookup.
const BY_STORE_KEY: &str = "SELECT u.email, s.store_key, s.id, s.user_id, s.created_at, s.last_seen_at, \
    s.expires_at, s.absolute_expires_at, s.remembered, s.state, u.name, u.role, u.created_at, u.last_login_at \
    FROM sessions s JOIN users u ON u.id = s.user_id \
    WHERE s.store_key = $1 AND s.ended_at IS NULL AND u.active";
const BY_EMAIL: &str = "SELECT id, password_hash FROM users WHERE email_key = $1 AND active";
const INSERT: &str = "INSERT INTO sessions (id, user_id, person, role, created_at, last_seen_at, expires_at, \
    absolute_expires_at, remembered, ip, ip_key, user_agent, browser, browser_version, os, device, store_key) \
    SELECT $1, u.id, lower(u.name) || chr(10) || u.email_key, u.role, t, t, t + interval '1 day', \
    t + interval '90 days', FALSE, '127.0.0.1', $3, $4, 'Firefox', '140', 'Linux', 'desktop', $5 \
    FROM users u, (SELECT now() AT TIME ZONE 'utc' AS t) AS at WHERE u.id = $2";

/// Records the application's answers and starts the limit server in a process of its own, to answer the same.
pub async fn start(scene: &Scene, app: Server, user: &User) -> Result<(Child, Server)> {
    let folder = scene.folder.path();
    let mut connection = Connection::open(app.port).await?;
    let page = connection.get("/profile", &user.cookie).await?;
    ensure!(page.status == 200 && page.shows(&user.email), "the page to replay is not right");
    Replay::record(folder, "page", &page, &user.email)?;
    let fields = [("email", user.email.as_str()), ("password", PASSWORD), ("next", "")];
    Replay::record(folder, "sign-in", &connection.post("/login", &fields).await?, &user.email)?;
    let key = user.limit_cookie.rsplit('=').next().unwrap_or_default();
    let state: String =
        redis::cmd("GET").arg(format!("sess:{key}")).query_async(&mut scene.redis().await?).await?;
    std::fs::write(folder.join("state"), state)?;

    let port = app::free_port()?;
    let child = tokio::process::Command::new(std::env::current_exe()?)
        .args(["limit", &port.to_string(), scene.postgres.as_str(), scene.redis.as_str()])
        .arg(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().context("the limit server has stopped")?;
    let server = Server { port, pid, cookie: |user| &user.limit_cookie };
    app::answers(server, "/profile", &user.limit_cookie).await?;
    Ok((child, server))
}

/// An answer of the application, to be given again with another address in it.
#[derive(Clone, serde::Serialize, Deserialize)]
struct Replay {
    status: u16,
    headers: Vec<(String, String)>,
    /// The body, cut where the address goes.
    body: Vec<String>,
}

impl Replay {
    fn record(folder: &Path, name: &str, answer: &Answer<'_>, email: &str) -> Result<()> {
        let headers = answer.head.lines().filter_map(|line| line.split_once(": "));
        let headers = headers
            .filter(|(name, _)| !matches!(name.to_ascii_lowercase().as_str(), "date" | "content-length"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let body = std::str::from_utf8(answer.body)?.split(email).map(str::to_owned).collect();
        let replay = Self { status: answer.status, headers, body };
        Ok(std::fs::write(folder.join(name), serde_json::to_string(&replay)?)?)
    }
}

/// A [`Replay`] in the types that actix-web sends.
struct Ready {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<String>,
}

impl Ready {
    fn read(folder: &Path, name: &str) -> Result<Self> {
        let replay: Replay = serde_json::from_slice(&std::fs::read(folder.join(name))?)?;
        let mut headers = Vec::new();
        for (name, value) in replay.headers {
            headers.push((name.parse()?, value.parse()?));
        }
        Ok(Self { status: StatusCode::from_u16(replay.status)?, headers, body: replay.body })
    }

    fn answer(&self, email: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for header in &self.headers {
            response.append_header(header.clone());
        }
        response.body(self.body.join(email))
    }
}

/// What one worker keeps: its connections and the answers.
struct Worker {
    redis: MultiplexedConnection,
    postgres: tokio_postgres::Client,
    by_store_key: Statement,
    by_email: Statement,
    insert: Statement,
    page: Ready,
    signed_in: Ready,
    state: String,
    hashing: mpsc::Sender<Job>,
}

/// The limit server's own process: `limit PORT POSTGRES REDIS FOLDER`.
pub async fn serve(arguments: &[String]) -> Result<()> {
    let [port, postgres, redis, folder] = arguments else {
        anyhow::bail!("limit PORT POSTGRES REDIS FOLDER");
    };
    let (postgres, redis, folder) = (Url::parse(postgres)?, redis.clone(), folder.clone());
    let hashing = hashing_threads();
    let server = HttpServer::new(move || {
        let (postgres, redis, folder, hashing) =
            (postgres.clone(), redis.clone(), folder.clone(), hashing.clone());
        ActixApp::new()
            .data_factory(move || worker(postgres.clone(), redis.clone(), folder.clone(), hashing.clone()))
            .route("/profile", web::get().to(profile))
            .route("/login", web::post().to(login))
    });
    Ok(server.workers(WORKERS).bind(("127.0.0.1", port.parse()?))?.run().await?)
}

async fn worker(postgres: Url, redis: String, folder: String, hashing: mpsc::Sender<Job>) -> Result<Worker> {
    let postgres = app::postgres(&postgres).await?;
    let folder = Path::new(&folder);
    Ok(Worker {
        redis: redis::Client::open(redis)?.get_multiplexed_async_connection().await?,
        by_store_key: postgres.prepare(BY_STORE_KEY).await?,
        by_email: postgres.prepare(BY_EMAIL).await?,
        insert: postgres.prepare(INSERT).await?,
        postgres,
        page: Ready::read(folder, "page")?,
        signed_in: Ready::read(folder, "sign-in")?,
        state: std::fs::read_to_string(folder.join("state"))?,
        hashing,
    })
}

type Answered = Result<HttpResponse, Box<dyn std::error::Error>>;

/// One GETEX, one SELECT.
async fn profile(req: HttpRequest, worker: Data<Worker>) -> Answered {
    let Some(cookie) = req.cookie(COOKIE) else {
        return Ok(HttpResponse::Unauthorized().finish());
    };
    let mut redis = worker.redis.clone();
    let mut command = redis::cmd("GETEX");
    command.arg(format!("sess:{}", cookie.value())).arg("EX").arg(TTL_SECONDS);
    let state: Option<String> = command.query_async(&mut redis).await?;
    let row = worker.postgres.query_opt(&worker.by_store_key, &[&cookie.value()]).await?;
    Ok(match (state, row) {
        (Some(_), Some(row)) => worker.page.answer(row.get(0)),
        _ => HttpResponse::Unauthorized().finish(),
    })
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

/// One SELECT, one verification, one INSERT, one SET.
async fn login(worker: Data<Worker>, form: Form<Login>) -> Answered {
    let Login { email, password } = form.into_inner();
    let row = worker.postgres.query_one(&worker.by_email, &[&email]).await?;
    let (user, hash): (i64, String) = (row.get(0), row.get(1));
    let (reply, verdict) = oneshot::channel();
    worker.hashing.send(Job { password, hash, reply })?;
    if !verdict.await? {
        return Ok(HttpResponse::Unauthorized().finish());
    }
    let mut random = [0; 48];
    getrandom::fill(&mut random)?;
    let (id, key) = (hex::encode(&random[..16]), hex::encode(&random[16..]));
    let (ip, browser) =
        (&[0_u8; 16][..], "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    worker.postgres.execute(&worker.insert, &[&id, &user, &ip, &browser, &key]).await?;
    let mut redis = worker.redis.clone();
    let mut command = redis::cmd("SET");
    command.arg(format!("sess:{key}")).arg(&worker.state).arg("EX").arg(TTL_SECONDS);
    command.query_async::<()>(&mut redis).await?;
    Ok(worker.signed_in.answer(&email))
}

struct Job {
    password: String,
    hash: String,
    reply: oneshot::Sender<bool>,
}

fn hashing_threads() -> mpsc::Sender<Job> {
    let (jobs, queue) = mpsc::channel::<Job>();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..WORKERS {
        let queue = Arc::clone(&queue);
        std::thread::spawn(move || {
            let mut memory = vec![Block::default(); Params::DEFAULT.block_count()];
            loop {
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(Job { password, hash, reply }) = job else {
                    return;
                };
                let verdict = verify(&password, &hash, &mut memory);
                let _ = reply.send(verdict.unwrap_or(false));
            }
        });
    }
    jobs
}

/// Argon2id with the parameters that the application hashes with.
fn verify(password: &str, hash: &str, memory: &mut [Block]) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut output = vec![0; expected.as_bytes().len()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::try_from(&hash).ok()?)
        .hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, memory)
        .ok()?;
    Some(output == expected.as_bytes())
}
