//! Configuration: environment variables (and `.env`), read once at start and passed as a value.
//!
//! One file per concern, with the struct beside its reading. Every mistake is collected and reported together, one line each:
//! the variable, what it holds (secrets masked) and what it may hold.

mod accounts;
mod database_url;
mod log;
mod reader;
mod secret;
mod server;
mod session;
mod stores;

pub use accounts::Accounts;
pub use database_url::DatabaseUrl;
pub use log::{Log, LogFormat};
pub use reader::Mistakes;
pub use secret::SessionSecret;
pub use server::Server;
pub use session::{SameSite, Session};
pub use stores::Stores;

use reader::Reader;

/// All settings of one running application.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens and how browsers see it.
    pub server: Server,
    /// Database and Redis.
    pub stores: Stores,
    /// Lifetimes, limits and the cookie.
    pub session: Session,
    /// Who may have an account, and with which password.
    pub accounts: Accounts,
    /// What is logged and how.
    pub log: Log,
}

impl Config {
    /// Reads the process environment, completed by `.env` in the current folder.
    ///
    /// # Errors
    /// Every mistake at once.
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

    /// Reads a set of variables; unknown ones are ignored unless they look misspelt.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, Mistakes> {
        let mut reader = Reader::new(vars);
        let server = Server::read(&mut reader);
        let stores = Stores::read(&mut reader);
        let session = Session::read(&mut reader, &server, &stores.database);
        let accounts = Accounts::read(&mut reader);
        let log = Log::read(&mut reader);
        reader.finish()?;
        // `Session::read` returns `None` only after a mistake, which `finish` has reported.
        let session = session.ok_or_else(|| Mistakes::one("SESSION_SECRET: is not set".to_owned()))?;
        Ok(Self { server, stores, session, accounts, log })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{reader::DAY, *};

    fn config(vars: &[(&str, &str)]) -> Result<Config, Mistakes> {
        let folder = std::env::temp_dir().join("gatehouse-config-tests");
        let database = format!("sqlite://{}/site.db", folder.display());
        let mut all = vec![("DATABASE_URL".to_owned(), database)];
        all.extend(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Config::from_vars(all)
    }

    fn mistakes(vars: &[(&str, &str)]) -> Vec<String> {
        config(vars).unwrap_err().lines().to_vec()
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn defaults_match_readme() {
        let config = config(&[("SESSION_SECRET", SECRET)]).unwrap();
        assert_eq!(config.server.listen_addr.to_string(), "127.0.0.1:3000");
        assert_eq!(config.session.cookie_name, "gatehouse");
        assert_eq!(config.session.idle_ttl, DAY);
        assert_eq!(config.session.remember_ttl, 30 * DAY);
        assert_eq!(config.session.absolute_ttl, 90 * DAY);
        assert_eq!(config.stores.timeout, Duration::from_millis(250));
        assert_eq!(config.accounts.password_min_length, 8);
        assert_eq!(config.accounts.confirm_ttl, Duration::from_secs(600));
        assert!(config.accounts.registration_open);
        assert!(config.stores.redis.is_none());
    }

    #[test]
    fn mistakes_are_reported_together() {
        let lines = mistakes(&[
            ("LISTEN_ADDR", "nowhere"),
            ("SESSION_IDLE_TTL", "soon"),
            ("REGISTRATION", "perhaps"),
            ("PASSWORD_MIN_LENGTH", "4"),
            ("SESSION_SECRET", "short"),
        ]);
        assert_eq!(lines.len(), 5, "{lines:?}");
        for name in
            ["LISTEN_ADDR", "SESSION_IDLE_TTL", "REGISTRATION", "PASSWORD_MIN_LENGTH", "SESSION_SECRET"]
        {
            assert!(lines.iter().any(|line| line.starts_with(&format!("{name}: "))), "{lines:?}");
        }
    }

    #[test]
    fn mistakes_never_show_secrets() {
        let lines = mistakes(&[
            ("SESSION_SECRET", "hunter2"),
            ("REDIS_URL", "http://:hunter2@cache:6379"),
            ("DATABASE_URL", "mysql://root:hunter2@db/site"),
        ]);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(!lines.concat().contains("hunter2"), "{lines:?}");
    }

    #[test]
    fn misspelt_name_is_reported() {
        for (name, meant) in [
            ("SESSION_IDEL_TTL", "SESSION_IDLE_TTL"),
            ("REDIS_URI", "REDIS_URL"),
            ("GATEHOUSE_BASE_URL", "BASE_URL"),
            ("TRUSTED_PROXIE", "TRUSTED_PROXIES"),
            ("SMTP_URI", "SMTP_URL"),
            ("GATEHOUSE_OPS_ADDR", "OPS_ADDR"),
        ] {
            let lines = mistakes(&[(name, "x"), ("SESSION_SECRET", SECRET)]);
            let wanted = format!("did you mean {meant}?");
            assert!(lines.iter().any(|line| line.contains(&wanted)), "{name}: {lines:?}");
        }
        assert!(config(&[("SESSION_MANAGER", "x"), ("HTTP_PROXY", "y"), ("SESSION_SECRET", SECRET)]).is_ok());
    }

    #[test]
    fn https_sets_host_prefix_without_cookie_domain() {
        let base = ("BASE_URL", "https://login.example.org");
        let secret = ("SESSION_SECRET", SECRET);
        assert_eq!(config(&[base, secret]).unwrap().session.cookie_name, "__Host-gatehouse");
        let shared = config(&[base, secret, ("COOKIE_DOMAIN", "example.org")]).unwrap();
        assert_eq!(shared.session.cookie_name, "gatehouse");
        assert_eq!(mistakes(&[secret, ("SESSION_NAME", "__Host-x")]).len(), 1);
        assert_eq!(mistakes(&[secret, ("COOKIE_SAMESITE", "none")]).len(), 1);
    }
}
