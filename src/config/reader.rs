//! From variables to a [`Config`], collecting every mistake on the way.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, time::Duration};

use ipnet::IpNet;
use url::Url;

use super::{Accounts, Config, DatabaseUrl, LogFormat, SameSite, Server, Session, SessionSecret};

/// The names of all our variables; `.env` and the environment are checked for names that are close.
const NAMES: &[&str] = &[
    "LISTEN_ADDR",
    "BASE_URL",
    "DATABASE_URL",
    "REDIS_URL",
    "SESSION_SECRET",
    "SESSION_NAME",
    "SESSION_IDLE_TTL",
    "SESSION_REMEMBER_TTL",
    "SESSION_ABSOLUTE_TTL",
    "SESSION_LIMIT",
    "COOKIE_DOMAIN",
    "COOKIE_SAMESITE",
    "FRONTEND_URL",
    "TRUSTED_PROXIES",
    "PAGES_DIR",
    "REGISTRATION",
    "PASSWORD_MIN_LENGTH",
    "CONFIRM_PASSWORD_TTL",
    "THROTTLE",
    "SMTP_URL",
    "MAIL_FROM",
    "STORE_TIMEOUT",
    "OPS_ADDR",
    "LOG_FORMAT",
    "RUST_LOG",
];

/// Everything that is wrong with the configuration, one line per mistake.
#[derive(Debug)]
pub struct Mistakes(Vec<String>);

impl Mistakes {
    pub(super) fn one(line: String) -> Self {
        Self(vec![line])
    }

    /// The lines, in the order of the variables.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

struct Reader {
    vars: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

impl Reader {
    /// The variable's value; an empty one counts as unset.
    fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn mistake(&mut self, name: &str, shown: &str, may_hold: &str) {
        self.mistakes.push(format!("{name}: {shown:?} is not valid; it may hold {may_hold}"));
    }

    /// Parses a variable; a mistake is noted and the default stands in so that reading goes on.
    fn parse<T>(
        &mut self,
        name: &str,
        may_hold: &str,
        default: T,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some(value) = self.get(name).map(str::to_owned) else {
            return default;
        };
        parse(&value).unwrap_or_else(|| {
            self.mistake(name, &masked(&value), may_hold);
            default
        })
    }

    fn duration(&mut self, name: &str, default: Duration, least: Duration) -> Duration {
        let may_hold =
            format!("a duration of at least {}, such as 90m, 24h or 7d", humantime::format_duration(least));
        self.parse(name, &may_hold, default, |value| {
            humantime::parse_duration(value)
                .ok()
                .filter(|duration| *duration >= least && *duration <= 10 * 365 * DAY)
        })
    }

    fn url(&mut self, name: &str, schemes: &[&str], may_hold: &str) -> Option<Url> {
        self.parse(name, may_hold, None, |value| {
            Url::parse(value).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_host()).map(Some)
        })
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A value as it may be shown: passwords in URLs are replaced.
fn masked(value: &str) -> String {
    match (value.find("://"), value.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://***@{}", &value[..scheme], &value[at + 1..])
        }
        _ => value.chars().take(80).collect(),
    }
}

pub(super) fn read(vars: impl IntoIterator<Item = (String, String)>) -> Result<Config, Mistakes> {
    let mut reader = Reader { vars: vars.into_iter().collect(), mistakes: Vec::new() };
    reader.mistakes.extend(misspelt(reader.vars.keys()));
    let server = server(&mut reader);
    let database = reader.parse(
        "DATABASE_URL",
        "postgres://user:password@host/database or sqlite://path/to/file.db",
        DatabaseUrl::default(),
        DatabaseUrl::parse,
    );
    let redis = reader.url(
        "REDIS_URL",
        &["redis", "rediss"],
        "redis://[:password@]host[:port][/number] or rediss://…",
    );
    let store_timeout =
        reader.duration("STORE_TIMEOUT", Duration::from_millis(250), Duration::from_millis(10));
    let session = session(&mut reader, &server, &database);
    let accounts = Accounts {
        registration_open: reader.parse("REGISTRATION", "open or closed", true, |value| match value {
            "open" => Some(true),
            "closed" => Some(false),
            _ => None,
        }),
        password_min_length: reader.parse(
            "PASSWORD_MIN_LENGTH",
            "a number of characters from 8 to 64",
            8,
            |value| value.parse().ok().filter(|length| (8..=64).contains(length)),
        ),
        confirm_ttl: reader.duration(
            "CONFIRM_PASSWORD_TTL",
            Duration::from_secs(10 * 60),
            Duration::from_secs(1),
        ),
    };
    let log_format = reader.parse("LOG_FORMAT", "text or json", LogFormat::Text, |value| match value {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    });
    match (session, reader.mistakes.is_empty()) {
        (Some(session), true) => {
            Ok(Config { server, database, redis, store_timeout, session, accounts, log_format })
        }
        _ => Err(Mistakes(reader.mistakes)),
    }
}

fn server(reader: &mut Reader) -> Server {
    let default_url = Url::parse("http://localhost:3000").expect("a constant URL");
    let base_url = reader
        .url(
            "BASE_URL",
            &["http", "https"],
            "the site's address as browsers see it, such as https://login.example.org",
        )
        .unwrap_or(default_url);
    if !matches!(base_url.path(), "" | "/") || base_url.query().is_some() {
        reader.mistake("BASE_URL", base_url.as_str(), "an address without a path or query");
    }
    Server {
        listen_addr: reader.parse(
            "LISTEN_ADDR",
            "an address and port, such as 127.0.0.1:3000 or [::]:3000",
            ([127, 0, 0, 1], 3000).into(),
            |value| value.parse().ok(),
        ),
        base_url,
        trusted_proxies: reader.parse(
            "TRUSTED_PROXIES",
            "networks, comma-separated, such as 10.0.0.0/8,192.0.2.7",
            Vec::new(),
            |value| value.split(',').map(|part| network(part.trim())).collect(),
        ),
        pages_dir: reader.parse("PAGES_DIR", "a folder that exists", None, |value| {
            let path = PathBuf::from(value);
            path.is_dir().then_some(Some(path))
        }),
    }
}

fn network(text: &str) -> Option<IpNet> {
    IpNet::from_str(text).ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}

fn session(reader: &mut Reader, server: &Server, database: &DatabaseUrl) -> Option<Session> {
    let cookie_domain = reader.parse("COOKIE_DOMAIN", "a domain, such as example.org", None, |value| {
        let domain = value.trim_start_matches('.');
        let valid =
            domain.contains('.') && domain.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
        valid.then(|| Some(domain.to_owned()))
    });
    let same_site =
        reader.parse("COOKIE_SAMESITE", "strict, lax or none", SameSite::Lax, |value| {
            match value.to_ascii_lowercase().as_str() {
                "strict" => Some(SameSite::Strict),
                "lax" => Some(SameSite::Lax),
                "none" => Some(SameSite::None),
                _ => None,
            }
        });
    if same_site == SameSite::None && !server.is_https() {
        reader.mistake("COOKIE_SAMESITE", "none", "strict or lax while BASE_URL is not https");
    }
    let prefixed = server.is_https() && cookie_domain.is_none();
    let default_name = if prefixed { "__Host-gatehouse" } else { "gatehouse" };
    let cookie_name = reader.parse(
        "SESSION_NAME",
        "a cookie name of letters, digits, - and _ (__Host- only with https and no COOKIE_DOMAIN, __Secure- only with https)",
        default_name.to_owned(),
        |value| {
            let token = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
            let allowed = (!value.starts_with("__Host-") || prefixed)
                && (!value.starts_with("__Secure-") || server.is_https());
            (token && allowed).then(|| value.to_owned())
        },
    );
    let idle_ttl = reader.duration("SESSION_IDLE_TTL", DAY, Duration::from_secs(1));
    let remember_ttl = reader.duration("SESSION_REMEMBER_TTL", 30 * DAY, Duration::from_secs(1));
    let absolute_ttl = reader.duration("SESSION_ABSOLUTE_TTL", 90 * DAY, Duration::from_secs(1));
    let limit =
        reader.parse("SESSION_LIMIT", "a number of sessions, 0 for no limit", 0, |value| value.parse().ok());
    let given = reader.get("SESSION_SECRET").map(str::to_owned);
    let secret = match SessionSecret::find(given.as_deref(), database) {
        Ok(secret) => secret,
        Err(mistake) => {
            reader.mistakes.push(format!("SESSION_SECRET: {mistake}"));
            return None;
        }
    };
    Some(Session {
        secret,
        cookie_name,
        cookie_domain,
        same_site,
        idle_ttl,
        remember_ttl,
        absolute_ttl,
        limit,
    })
}

/// Names that are not ours but nearly, each with the name that was probably meant.
fn misspelt<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names
        .filter(|name| !NAMES.contains(&name.as_str()))
        .filter_map(|name| {
            let bare = name.strip_prefix("GATEHOUSE_").unwrap_or(name);
            let meant = NAMES.iter().find(|known| {
                let tolerance = if known.len() < 10 { 1 } else { 2 };
                strsim::damerau_levenshtein(&bare.to_uppercase(), known) <= tolerance
            });
            match meant {
                Some(known) => Some(format!("{name}: no such variable; did you mean {known}?")),
                None if bare != name => {
                    Some(format!("{name}: no such variable; the names are in the README"))
                }
                None => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn defaults_are_those_of_the_readme() {
        let config = config(&[("SESSION_SECRET", SECRET)]).unwrap();
        assert_eq!(config.server.listen_addr.to_string(), "127.0.0.1:3000");
        assert_eq!(config.session.cookie_name, "gatehouse");
        assert_eq!(config.session.idle_ttl, DAY);
        assert_eq!(config.session.remember_ttl, 30 * DAY);
        assert_eq!(config.session.absolute_ttl, 90 * DAY);
        assert_eq!(config.store_timeout, Duration::from_millis(250));
        assert_eq!(config.accounts.password_min_length, 8);
        assert_eq!(config.accounts.confirm_ttl, Duration::from_secs(600));
        assert!(config.accounts.registration_open);
        assert!(config.redis.is_none());
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
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
    fn secrets_are_never_shown() {
        let lines = mistakes(&[
            ("SESSION_SECRET", "hunter2"),
            ("REDIS_URL", "http://:hunter2@cache:6379"),
            ("DATABASE_URL", "mysql://root:hunter2@db/site"),
        ]);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(!lines.concat().contains("hunter2"), "{lines:?}");
    }

    #[test]
    fn a_misspelt_name_is_caught() {
        for (name, meant) in [
            ("SESSION_IDEL_TTL", "SESSION_IDLE_TTL"),
            ("REDIS_URI", "REDIS_URL"),
            ("GATEHOUSE_BASE_URL", "BASE_URL"),
            ("TRUSTED_PROXIE", "TRUSTED_PROXIES"),
        ] {
            let lines = mistakes(&[(name, "x"), ("SESSION_SECRET", SECRET)]);
            let wanted = format!("did you mean {meant}?");
            assert!(lines.iter().any(|line| line.contains(&wanted)), "{name}: {lines:?}");
        }
        assert!(config(&[("SESSION_MANAGER", "x"), ("HTTP_PROXY", "y"), ("SESSION_SECRET", SECRET)]).is_ok());
    }

    #[test]
    fn https_turns_on_the_host_prefix_unless_a_domain_is_shared() {
        let base = ("BASE_URL", "https://login.example.org");
        let secret = ("SESSION_SECRET", SECRET);
        assert_eq!(config(&[base, secret]).unwrap().session.cookie_name, "__Host-gatehouse");
        let shared = config(&[base, secret, ("COOKIE_DOMAIN", "example.org")]).unwrap();
        assert_eq!(shared.session.cookie_name, "gatehouse");
        assert_eq!(mistakes(&[secret, ("SESSION_NAME", "__Host-x")]).len(), 1);
        assert_eq!(mistakes(&[secret, ("COOKIE_SAMESITE", "none")]).len(), 1);
    }
}
