//! Session cookies made by someone who knows the site's secret, and what they hold.

use actix_web::cookie::{Cookie as PlainCookie, CookieJar, Key};
use gatehouse::config::Config;
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

fn cookie_key() -> Key {
    let vars = [("DATABASE_URL", "sqlite://unused.db"), ("SESSION_SECRET", SECRET)];
    let config = Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
    config.unwrap_or_else(|mistakes| panic!("{mistakes}")).session.secret.cookie_key()
}
