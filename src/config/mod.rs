//! Configuration: environment variables (and `.env`), read once at start and passed as a value.
//!
//! One file per concern, with the struct beside its reading. Every mistake is collected and reported together, one line each:
//! the variable, what it holds (secrets masked) and what it may hold. What is said of each variable stands in `settings/`.

use std::{path::Path, sync::Arc};

mod accounts;
mod binding;
mod cookie;
mod database_url;
mod env_file;
mod exposure;
mod frontends;
mod gate;
mod gate_key;
mod history;
mod home;
mod hosts;
mod known_secrets;
mod log;
mod mail;
mod ops;
mod own_site;
mod pages;
mod percent;
mod postgres_parameters;
mod postgres_url;
mod proxies;
mod reader;
mod redis_url;
mod same_site;
mod second_factor;
mod secret;
mod server;
mod session;
pub mod settings;
mod site;
mod smtp_url;
mod stores;
mod tripwire;

pub use accounts::Accounts;
pub use binding::Binding;
pub use database_url::DatabaseUrl;
pub use frontends::Frontends;
pub use gate::Gate;
pub use gate_key::GateKeys;
pub use history::History;
pub use home::Home;
pub use known_secrets::KnownSecrets;
pub use log::{Log, LogFormat};
pub use mail::{Mail, mail_address};
pub use own_site::{Colour, Ground, Icon, Logo, LogoKind, OwnLink, OwnSite, Paint, Theme};
pub use postgres_url::PostgresUrl;
pub use reader::Mistakes;
pub use redis_url::{HostAndPort, RedisLogin, RedisServers, RedisUrl};
pub use same_site::SameSite;
pub use second_factor::SecondFactor;
pub use secret::SessionSecret;
pub use server::Server;
pub use session::{Session, SessionKind};
pub use site::Site;
pub use smtp_url::{SmtpTls, SmtpUrl};
pub use stores::Stores;
pub use tripwire::Tripwire;

use reader::Reader;

/// All settings of one running application.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens and how browsers see it.
    pub server: Server,
    /// Its own name and look.
    pub site: Arc<OwnSite>,
    /// Database and Redis.
    pub stores: Stores,
    /// Lifetimes, limits and the cookie.
    pub session: Session,
    /// Who may have an account, and with which password.
    pub accounts: Accounts,
    /// `GATE_KEY`: the keys of services that are told of ended sessions.
    pub gate_keys: Option<GateKeys>,
    /// How long what has happened is kept.
    pub history: History,
    /// How mail leaves.
    pub mail: Mail,
    /// What is logged and how.
    pub log: Log,
    /// What no text may show.
    pub secrets: KnownSecrets,
}

impl Config {
    /// Reads the process environment, completed by `.env` in the current folder.
    ///
    /// # Errors
    /// Every mistake at once, but those of `.env` first.
    pub fn from_env() -> Result<Self, Mistakes> {
        let (mut vars, mut unreadable) = (Vec::new(), Vec::new());
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => vars.push((name, value)),
                (Ok(name), Err(_)) => unreadable.push(name),
                (Err(_), _) => {}
            }
        }
        for (name, value) in env_file::read(Path::new(".env")).map_err(Mistakes)? {
            if !vars.iter().any(|(known, _)| *known == name) && !unreadable.contains(&name) {
                vars.push((name, value));
            }
        }
        Self::read(Reader::new(vars).with_unreadable(unreadable))
    }

    /// Reads a set of variables; unknown ones are ignored unless they look misspelt.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, Mistakes> {
        Self::read(Reader::new(vars))
    }

    fn read(mut reader: Reader) -> Result<Self, Mistakes> {
        let mut server = Server::read(&mut reader);
        let site = Arc::new(OwnSite::read(&mut reader));
        let stores = Stores::read(&mut reader);
        server.check_exposure(&mut reader);
        let session = Session::read(&mut reader, &server, &stores.database);
        if let Some(session) = &session {
            server.gate = Gate::read(&mut reader, &server, session);
        }
        let gate_keys = GateKeys::read(&mut reader);
        let accounts = Accounts::read(&mut reader);
        let history = History::read(&mut reader);
        let mail = Mail::read(&mut reader, &stores.database);
        pages::check_folder(&mut reader, &server, &stores.database, &mail);
        pages::check_host(&mut reader, &server, session.as_ref());
        let log = Log::read(&mut reader);
        let secrets = [stores.secrets(), mail.secrets()].concat().into_iter();
        let lists = ["SESSION_SECRET", "GATE_KEY"].map(|name| reader.get(name).unwrap_or_default());
        let listed = lists.iter().flat_map(|list| list.split(',').map(|secret| secret.trim().to_owned()));
        let secrets = KnownSecrets::new(secrets.chain(listed));
        reader.finish()?;
        // `Session::read` returns `None` only after a mistake, which `finish` has reported.
        let session = session.ok_or_else(|| Mistakes(vec!["SESSION_SECRET: is not set".to_owned()]))?;
        Ok(Self { server, site, stores, session, gate_keys, accounts, history, mail, log, secrets })
    }
}

#[cfg(test)]
mod tests;
