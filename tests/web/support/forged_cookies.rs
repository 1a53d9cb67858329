//! Session cookies made by someone who knows the site's secret, and what they hold.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::cookie::{Cookie as PlainCookie, CookieJar, Key};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gatehouse::{
    config::{Config, SessionSecret},
    web::sealed,
};
use ring::hmac;
use sha2::{Digest as _, Sha256};

use super::session_pages::COOKIE;

/// The `SESSION_SECRET` of the applications whose cookies these functions read and make.
pub const SECRET: &str = "9b1c6f04d7e2a8539c40be71f5d62a08e3974cb1560fd8a27e49c3158bf06da2";

/// The value of a cookie that holds this session key.
pub fn cookie_for(key: &str) -> String {
    let mut jar = CookieJar::new();
    jar.private_mut(&cookie_key()).add(PlainCookie::new(COOKIE, key.to_owned()));
    let cookie = jar.get(COOKIE).unwrap().encoded().to_string();
    cookie.split_once('=').unwrap().1.to_owned()
}

/// The session key in a cookie.
pub fn key_in(cookie: &str) -> String {
    let mut jar = CookieJar::new();
    jar.add_original(PlainCookie::parse_encoded(format!("{COOKIE}={cookie}")).unwrap());
    jar.private(&cookie_key()).get(COOKIE).unwrap().value().to_owned()
}

/// How the store knows a session key: without its first letter, hashed.
pub fn store_key(key: &str) -> String {
    hex::encode(Sha256::digest(&key[1..]))
}

/// A challenge for a session, made so many seconds ago: `bind` or `refresh`.
pub fn challenge(purpose: &str, session: &str, seconds_ago: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let made_at = i64::try_from(now).unwrap() - seconds_ago * 1_000_000;
    sealed::seal(&cookie_key(), "gatehouse-device-challenge", &format!("{purpose} {session} {made_at}"))
        .unwrap()
}

/// The value of a cookie that says until when, in Unix seconds, a browser has proven the key of its session.
pub fn bound_cookie(session: &str, expiry: i64) -> String {
    let signed = format!("{session}.{expiry}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret().derived("bound cookie"));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes())))
}

fn cookie_key() -> Key {
    secret().cookie_key()
}

fn secret() -> SessionSecret {
    let vars = [("DATABASE_URL", "sqlite://unused.db"), ("SESSION_SECRET", SECRET)];
    let config = Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
    config.unwrap_or_else(|mistakes| panic!("{mistakes}")).session.secret
}
