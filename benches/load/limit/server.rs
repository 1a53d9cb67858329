//! The process of the limit server: one handler per request, no middleware, connections that belong to the worker.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::header::{HeaderName, HeaderValue},
    web::{self, Data, Form},
};
use anyhow::Result;
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc::PasswordHash};
use redis::aio::MultiplexedConnection;
use serde::Deserialize;
use tokio::sync::oneshot;
use tokio_postgres::{Row, Statement};
use url::Url;

use super::recording::{ME, PAGE, REMEMBERED_PAGE, Replay, SIGN_IN, STATE, VERIFIED};
use crate::{server::COOKIE, stores::connect_postgres};

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
    SELECT $1, u.id, u.search_text, u.role, t, t, t + interval '1 day', \
    t + interval '90 days', FALSE, '127.0.0.1', $3, $4, 'Firefox', '140', 'Linux', 'desktop', $5 \
    FROM users u, (SELECT now() AT TIME ZONE 'utc' AS t) AS at WHERE u.id = $2";

/// The connections and recorded responses of one worker.
struct Worker {
    redis: MultiplexedConnection,
    postgres: tokio_postgres::Client,
    by_store_key: Statement,
    by_email: Statement,
    insert: Statement,
    page: Replay,
    remembered_page: Replay,
    verified: Replay,
    me: Replay,
    signed_in: Replay,
    state: String,
    hashing: mpsc::Sender<Job>,
}

/// Runs the limit server. The arguments are those after `limit`: `PORT POSTGRES REDIS FOLDER`.
pub async fn serve(arguments: &[String]) -> Result<()> {
    let [port, postgres, redis, directory] = arguments else {
        anyhow::bail!("limit PORT POSTGRES REDIS FOLDER");
    };
    let (postgres, redis, directory) = (Url::parse(postgres)?, redis.clone(), directory.clone());
    let hashing = start_hashing_threads();
    let server = HttpServer::new(move || {
        let (postgres, redis, directory, hashing) =
            (postgres.clone(), redis.clone(), directory.clone(), hashing.clone());
        App::new()
            .data_factory(move || worker(postgres.clone(), redis.clone(), directory.clone(), hashing.clone()))
            .route("/profile", web::get().to(profile))
            .route("/auth/verify", web::get().to(verified))
            .route("/auth/me", web::get().to(me))
            .route("/login", web::post().to(login))
    });
    Ok(server.workers(WORKERS).bind(("127.0.0.1", port.parse()?))?.run().await?)
}

async fn worker(
    postgres: Url,
    redis: String,
    directory: String,
    hashing: mpsc::Sender<Job>,
) -> Result<Worker> {
    let postgres = connect_postgres(&postgres).await?;
    let directory = Path::new(&directory);
    Ok(Worker {
        redis: redis::Client::open(redis)?.get_multiplexed_async_connection().await?,
        by_store_key: postgres.prepare(BY_STORE_KEY).await?,
        by_email: postgres.prepare(BY_EMAIL).await?,
        insert: postgres.prepare(INSERT).await?,
        postgres,
        page: Replay::load(directory, PAGE)?,
        remembered_page: Replay::load(directory, REMEMBERED_PAGE)?,
        verified: Replay::load(directory, VERIFIED)?,
        me: Replay::load(directory, ME)?,
        signed_in: Replay::load(directory, SIGN_IN)?,
        state: std::fs::read_to_string(directory.join(STATE))?,
        hashing,
    })
}

type HandlerResult = Result<HttpResponse, Box<dyn std::error::Error>>;

async fn profile(req: HttpRequest, worker: Data<Worker>) -> HandlerResult {
    let response = |row: &Row| {
        let page = if row.get("remembered") { &worker.remembered_page } else { &worker.page };
        page.response(row.get(0))
    };
    answer(&req, &worker, response).await
}

async fn me(req: HttpRequest, worker: Data<Worker>) -> HandlerResult {
    answer(&req, &worker, |row| worker.me.response(row.get(0))).await
}

async fn verified(req: HttpRequest, worker: Data<Worker>) -> HandlerResult {
    let response = |row: &Row| {
        let mut response = worker.verified.response("");
        let name = HeaderValue::from_str(row.get("name")).ok();
        let id = HeaderValue::from(row.get::<_, i64>("user_id"));
        let identity = [(USER, Some(id)), (NAME, name)];
        for (header, value) in identity.into_iter().filter_map(|(header, value)| Some((header, value?))) {
            response.headers_mut().insert(header, value);
        }
        response
    };
    answer(&req, &worker, response).await
}

const USER: HeaderName = HeaderName::from_static("remote-user");
const NAME: HeaderName = HeaderName::from_static("remote-name");

/// One GETEX and one SELECT.
async fn answer(
    req: &HttpRequest,
    worker: &Worker,
    response: impl FnOnce(&Row) -> HttpResponse,
) -> HandlerResult {
    let Some(cookie) = req.cookie(COOKIE) else {
        return Ok(HttpResponse::Unauthorized().finish());
    };
    let mut redis = worker.redis.clone();
    let mut command = redis::cmd("GETEX");
    command.arg(format!("sess:{}", cookie.value())).arg("EX").arg(TTL_SECONDS);
    let state: Option<String> = command.query_async(&mut redis).await?;
    let row = worker.postgres.query_opt(&worker.by_store_key, &[&cookie.value()]).await?;
    Ok(match (state, row) {
        (Some(_), Some(row)) => response(&row),
        _ => HttpResponse::Unauthorized().finish(),
    })
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

/// One SELECT, one verification, one INSERT and one SET.
async fn login(worker: Data<Worker>, form: Form<Login>) -> HandlerResult {
    let Login { email, password } = form.into_inner();
    let row = worker.postgres.query_one(&worker.by_email, &[&email]).await?;
    let (user, hash): (i64, String) = (row.get(0), row.get(1));
    let (reply, verified) = oneshot::channel();
    worker.hashing.send(Job { password, hash, reply })?;
    if !verified.await? {
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
    Ok(worker.signed_in.response(&email))
}

/// A password to verify.
struct Job {
    password: String,
    hash: String,
    reply: oneshot::Sender<bool>,
}

/// Starts threads that verify passwords; each keeps the memory that Argon2 needs.
fn start_hashing_threads() -> mpsc::Sender<Job> {
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
                let verified = verify(&password, &hash, &mut memory);
                let _ = reply.send(verified.unwrap_or(false));
            }
        });
    }
    jobs
}

/// Verifies a password with Argon2id and the parameters that are in the hash.
fn verify(password: &str, hash: &str, memory: &mut [Block]) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut output = vec![0; expected.as_bytes().len()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::try_from(&hash).ok()?)
        .hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, memory)
        .ok()?;
    Some(output == expected.as_bytes())
}
