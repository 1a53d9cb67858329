//! What it costs that sessions are bound to their devices: W1 with such sessions and with others, on one instance, in alternating rounds.

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    app::{self, App, Prepared, Throttle},
    client::{Connection, Response},
    load::{Page, all, readers},
    server::{PASSWORD, User},
    stats::{Round, measure, median},
    stores::Stores,
    workloads::{READERS, Size},
};

/// Most sessions of each kind.
const SESSIONS: usize = 1_000;

/// Sessions are bound on https alone. No proof is renewed while this is measured.
const VARS: [(&str, &str); 2] = [("BASE_URL", "https://127.0.0.1"), ("SESSION_BINDING_TTL", "24h")];

/// The session cookie's name there.
const COOKIE: &str = "__Host-gatehouse";
/// The name of the cookie that says that the browser has proven its key.
const BOUND_COOKIE: &str = "__Host-gatehouse-bound";

/// Sessions of a kind, and how their rounds went.
struct Kind {
    name: &'static str,
    users: Arc<[User]>,
    rounds: Vec<Round>,
}

/// Measures both kinds and prints the table.
pub async fn run(stores: &Stores, size: &Size) -> Result<()> {
    let count = size.users.clamp(2, 2 * SESSIONS);
    let Prepared { app, mut users, .. } = app::prepare(stores, count, 0, Throttle::On).await?;
    app.stop().await?;
    let app = App::start_with(stores, Throttle::Off, &VARS, Stdio::inherit())?;
    let server = app.server()?;
    app::wait_until_ready(server, "/readyz", "").await?;
    let mut connection = Connection::open(server.port).await?;
    for (number, user) in users.iter_mut().enumerate() {
        user.cookie = sign_in(&mut connection, user, number % 2 == 1).await?;
    }
    let of = |kind| users.iter().skip(kind).step_by(2).cloned().collect();
    let mut kinds = [("not bound", of(0)), ("bound", of(1))].map(|(name, users)| Kind {
        name,
        users,
        rounds: Vec::new(),
    });
    for number in 0..=size.rounds {
        for kind in &mut kinds {
            let end = Instant::now() + size.seconds;
            let load = all(readers(Page::Profile, server, &kind.users, READERS, None, None, end));
            let round = measure(server, stores.processes, load).await?;
            eprintln!("· bound round {number}: {:.0}/s, {}", round.per_second, kind.name);
            // The first is a warm-up.
            if number > 0 {
                kind.rounds.push(round);
            }
        }
    }
    print(&kinds, size.seconds);
    app.stop().await
}

/// Signs a user in, and returns the cookies: for a session that is bound also the one of its proof.
async fn sign_in(connection: &mut Connection, user: &User, is_bound: bool) -> Result<String> {
    let fields = [("email", user.email.as_str()), ("password", PASSWORD), ("next", "")];
    let answer = connection.post_with_cookie("/login", &user.browser_cookie, &fields).await?;
    let session = answer.cookie(COOKIE).ok_or_else(|| answer.unexpected("a sign-in"))?;
    let cookie = format!("{COOKIE}={session}");
    if !is_bound {
        return Ok(cookie);
    }
    let key = SigningKey::from_slice(&Sha256::digest(&user.email))?;
    let registration = registration(&key, &answer)?;
    let headers = [("Secure-Session-Response", registration.as_str())];
    let answer = connection.post_empty("/session/bind", &cookie, &headers).await?;
    ensure!(answer.status == 200, answer.unexpected("a registered key"));
    let id = serde_json::from_slice::<Value>(answer.body)?["session_identifier"].clone();
    let challenge = quoted(&answer, "secure-session-challenge", "")?;
    let proof = token(&key, &json!({"alg": "ES256", "typ": "dbsc+jwt"}), &json!({"jti": challenge}));
    let id = id.as_str().context("no identifier of the session")?;
    let headers = [("Sec-Secure-Session-Id", id), ("Secure-Session-Response", proof.as_str())];
    let answer = connection.post_empty("/session/refresh", &cookie, &headers).await?;
    let bound = answer.cookie(BOUND_COOKIE).ok_or_else(|| answer.unexpected("a bound session"))?;
    Ok(format!("{cookie}; {BOUND_COOKIE}={bound}"))
}

/// What answers the offer of a sign-in.
fn registration(key: &SigningKey, offer: &Response<'_>) -> Result<String> {
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)});
    let value = |name| quoted(offer, "secure-session-registration", name);
    let payload = json!({"jti": value("challenge=")?, "authorization": value("authorization=")?});
    Ok(token(key, &json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": jwk}), &payload))
}

/// The quoted text that follows `name` in a header.
fn quoted<'a>(response: &'a Response<'_>, header: &str, name: &str) -> Result<&'a str> {
    let value = response.header(header).and_then(|value| {
        let (_, rest) = value.split_once(&format!("{name}\""))?;
        rest.split('"').next()
    });
    value.ok_or_else(|| response.unexpected(header))
}

fn token(key: &SigningKey, header: &Value, payload: &Value) -> String {
    let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{payload}");
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn print(kinds: &[Kind; 2], seconds: Duration) {
    let [base, _] = kinds;
    println!("\n### What binding costs: W1, {READERS} connections\n");
    println!(
        "{} sessions of each kind, {} rounds of {} s each\n",
        base.users.len(),
        base.rounds.len(),
        seconds.as_secs()
    );
    println!("| sessions | per s | CPU-s / 1000 | ratio | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|---|");
    for kind in kinds {
        let of = |figure: fn(&Round) -> f64| median(kind.rounds.iter().map(figure));
        let pairs = kind.rounds.iter().zip(&base.rounds);
        println!(
            "| {} | {:.0} | {:.4} | {:.2} | {:.2} | {:.2} |",
            kind.name,
            of(|round| round.per_second),
            of(|round| round.cpu),
            median(pairs.map(|(own, base)| own.cpu / base.cpu)),
            of(|round| round.p50),
            of(|round| round.p99),
        );
    }
}
