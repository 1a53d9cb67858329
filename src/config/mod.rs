//! Configuration: environment variables (and `.env`), read once at start and passed as a value.
//!
//! Every mistake is collected and reported together, one line each: the variable, what it holds
//! (secrets masked) and what it may hold.

mod database_url;
mod reader;
mod secret;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use url::Url;

pub use database_url::DatabaseUrl;
pub use reader::Mistakes;
pub use secret::SessionSecret;

/// All settings of one running application.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens and how browsers see it.
    pub server: Server,
    /// `DATABASE_URL`: `postgres://…` or `sqlite://path`. Default: `sqlite://data/gatehouse.db`.
    pub database: DatabaseUrl,
    /// `REDIS_URL`: `redis://` or `rediss://`. Unset: sessions live in the database.
    pub redis: Option<Url>,
    /// `STORE_TIMEOUT`: the longest wait for Redis or a database connection. Default: `250ms`.
    pub store_timeout: Duration,
    /// Lifetimes, limits and the cookie.
    pub session: Session,
    /// Who may have an account, and with which password.
    pub accounts: Accounts,
    /// `LOG_FORMAT`: `text` or `json`. Default: `text`.
    pub log_format: LogFormat,
}

/// Where the server listens and how it is reached.
#[derive(Debug, Clone)]
pub struct Server {
    /// `LISTEN_ADDR`: address and port. Default: `127.0.0.1:3000`.
    pub listen_addr: SocketAddr,
    /// `BASE_URL`: the site as browsers see it; `https` turns on `Secure` cookies, `__Host-` and HSTS.
    pub base_url: Url,
    /// `TRUSTED_PROXIES`: networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `PAGES_DIR`: HTML to serve under `/pages/` to signed-in people.
    pub pages_dir: Option<PathBuf>,
}

impl Server {
    /// Whether browsers reach the site over TLS.
    pub fn is_https(&self) -> bool {
        self.base_url.scheme() == "https"
    }
}

/// Lifetimes, limits and the cookie of sessions.
#[derive(Debug, Clone)]
pub struct Session {
    /// `SESSION_SECRET`: encrypts the session cookie; at least 64 bytes.
    pub secret: SessionSecret,
    /// `SESSION_NAME`: the cookie's name. Default: `__Host-gatehouse` on https, else `gatehouse`.
    pub cookie_name: String,
    /// `COOKIE_DOMAIN`: shares the login with subdomains.
    pub cookie_domain: Option<String>,
    /// `COOKIE_SAMESITE`: `strict`, `lax` or `none`. Default: `lax`.
    pub same_site: SameSite,
    /// `SESSION_IDLE_TTL`: a request starts it anew. Default: `24h`.
    pub idle_ttl: Duration,
    /// `SESSION_REMEMBER_TTL`: the same with "remember me". Default: `30d`.
    pub remember_ttl: Duration,
    /// `SESSION_ABSOLUTE_TTL`: nothing prolongs a session past this. Default: `90d`.
    pub absolute_ttl: Duration,
    /// `SESSION_LIMIT`: most sessions a user may have at once; 0: no limit.
    pub limit: u32,
}

impl Session {
    /// The rolling lifetime of a session, with or without "remember me".
    pub fn ttl(&self, remembered: bool) -> Duration {
        if remembered { self.remember_ttl } else { self.idle_ttl }
    }
}

/// The cookie's `SameSite` attribute (RFC 6265bis §5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Sent on requests from this site only.
    Strict,
    /// Sent on top-level navigation from other sites too.
    Lax,
    /// Sent always; needs https.
    None,
}

impl From<SameSite> for actix_web::cookie::SameSite {
    fn from(value: SameSite) -> Self {
        match value {
            SameSite::Strict => Self::Strict,
            SameSite::Lax => Self::Lax,
            SameSite::None => Self::None,
        }
    }
}

/// Who may have an account, and with which password.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// `REGISTRATION`: `open`, or `closed` for accounts by invitation only. Default: `open`.
    pub registration_open: bool,
    /// `PASSWORD_MIN_LENGTH`: code points, 8 to 64. Default: 8.
    pub password_min_length: usize,
    /// `CONFIRM_PASSWORD_TTL`: how long a password that was given allows sensitive actions. Default: `10m`.
    pub confirm_ttl: Duration,
}

/// How log entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per entry.
    Text,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// Reads the process environment, completed by `.env` in the current folder.
    pub fn from_env() -> Result<Self, Mistakes> {
        let mut vars: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        match dotenvy::from_path_iter(".env") {
            Ok(lines) => {
                for line in lines {
                    let (name, value) = line.map_err(|error| Mistakes::one(format!(".env: {error}")))?;
                    if !vars.iter().any(|(known, _)| *known == name) {
                        vars.push((name, value));
                    }
                }
            }
            Err(error) if error.not_found() => {}
            Err(error) => return Err(Mistakes::one(format!(".env: {error}"))),
        }
        Self::from_vars(vars)
    }

    /// Reads a set of variables; those that are not ours are ignored unless they look misspelt.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, Mistakes> {
        reader::read(vars)
    }
}
