//! Reads `REDIS_URL`. By hand, since the `url` crate takes one host alone; hosts themselves it reads.

use url::Url;

use super::{HostAndPort, RedisLogin, RedisServers, RedisUrl};
use crate::config::percent;

/// The ports of servers and of sentinels by their documentation.
const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// A URL's parts, as they are written.
struct Parts<'a> {
    credentials: Option<&'a str>,
    hosts: &'a str,
    path: &'a str,
    /// Names and values.
    parameters: Vec<(&'a str, &'a str)>,
}

pub(super) fn read(text: &str) -> Result<RedisUrl, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    let (tls, kind) = match scheme.strip_prefix("rediss") {
        Some(kind) => (true, kind),
        None => (false, scheme.strip_prefix("redis").unwrap_or(".")),
    };
    let read = match (kind, tls) {
        ("", _) => read_one,
        ("-sentinel", _) => read_sentinels,
        ("-cluster", _) => read_cluster,
        ("+unix", false) => read_socket,
        _ => {
            return Err("does not begin with redis://, redis-sentinel://, redis-cluster:// (each also with \
                        rediss for redis) or redis+unix://"
                .to_owned());
        }
    };
    let parts = split(rest)?;
    let secrets = secrets(&parts);
    Ok(RedisUrl { tls, secrets, ..read(parts)? })
}

fn read_one(parts: Parts<'_>) -> Result<RedisUrl, String> {
    let [] = take(parts.parameters, [])?;
    let mut hosts = hosts(parts.hosts, SERVER_PORT)?;
    let host = hosts.remove(0);
    if !hosts.is_empty() {
        return Err("names several hosts, and takes one; several are taken with redis-sentinel:// and \
                    redis-cluster://"
            .to_owned());
    }
    made(RedisServers::One(host), credentials(parts.credentials)?, parts.path.trim_matches('/'))
}

fn read_sentinels(parts: Parts<'_>) -> Result<RedisUrl, String> {
    let [master, user, password] = take(parts.parameters, ["master", "sentinel_user", "sentinel_password"])?;
    let servers = RedisServers::Sentinels {
        sentinels: hosts(parts.hosts, SENTINEL_PORT)?,
        master: master
            .ok_or("does not name the master as sentinels know it: ?master=NAME after the hosts")?,
        login: login(user, password)?,
    };
    made(servers, credentials(parts.credentials)?, parts.path.trim_matches('/'))
}

fn read_cluster(parts: Parts<'_>) -> Result<RedisUrl, String> {
    let [] = take(parts.parameters, [])?;
    let servers = RedisServers::Cluster(hosts(parts.hosts, SERVER_PORT)?);
    if !matches!(parts.path.trim_matches('/'), "" | "0") {
        return Err("has something after the hosts; a cluster has the database 0 alone".to_owned());
    }
    made(servers, credentials(parts.credentials)?, "")
}

fn read_socket(parts: Parts<'_>) -> Result<RedisUrl, String> {
    if parts.credentials.is_some() || !parts.hosts.is_empty() {
        return Err(
            "has something between // and the path of the socket, which begins with a third /; user \
                    and password are parameters: ?user=…&pass=…"
                .to_owned(),
        );
    }
    let [database, user, password] = take(parts.parameters, ["db", "user", "pass"])?;
    let path = utf8(parts.path)?;
    if path.ends_with('/') || path.is_empty() {
        return Err("names no socket".to_owned());
    }
    made(RedisServers::Socket(path.into()), login(user, password)?, database.as_deref().unwrap_or_default())
}

fn made(servers: RedisServers, login: RedisLogin, database: &str) -> Result<RedisUrl, String> {
    let database = match database {
        "" => Ok(0),
        number => number.parse().map_err(|_| "has something that is not the number of a database"),
    };
    Ok(RedisUrl { servers, login, database: database?, tls: false, secrets: Vec::new() })
}

/// Splits what follows the scheme.
fn split(rest: &str) -> Result<Parts<'_>, String> {
    if rest.contains('#') {
        return Err("has a #; one in a password is written %23".to_owned());
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => (Some(credentials), hosts),
        None => (None, authority),
    };
    let parameters = query.split('&').filter(|text| !text.is_empty());
    let parameters = parameters.map(|text| text.split_once('=').unwrap_or((text, ""))).collect();
    Ok(Parts { credentials, hosts, path, parameters })
}

/// The passwords as they are written and as they are.
fn secrets(parts: &Parts<'_>) -> Vec<String> {
    let before_hosts = parts.credentials.and_then(|text| text.split_once(':'));
    let parameters =
        parts.parameters.iter().filter(|(name, _)| matches!(*name, "pass" | "sentinel_password"));
    let written = before_hosts.iter().chain(parameters).map(|(_, value)| *value);
    written.flat_map(|text| [Some(text.to_owned()), percent::decode_lossy(text).ok()]).flatten().collect()
}

/// The values of the parameters that there may be; an empty one is as none.
fn take<const N: usize>(given: Vec<(&str, &str)>, known: [&str; N]) -> Result<[Option<String>; N], String> {
    let mut values = [const { None }; N];
    for (name, value) in given {
        let Some(index) = known.iter().position(|known| *known == name) else {
            let may = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!(
                "has a parameter after ? that it does not take: it takes {may}; a ? in a password is written %3F"
            ));
        };
        if !value.is_empty() && values[index].replace(utf8(value)?).is_some() {
            return Err(format!("has the parameter {} twice", known[index]));
        }
    }
    Ok(values)
}

fn credentials(text: Option<&str>) -> Result<RedisLogin, String> {
    let Some(text) = text else {
        return Ok(RedisLogin::default());
    };
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let written = |text: &str| utf8(text).map(|text| Some(text).filter(|text| !text.is_empty()));
    login(written(user)?, written(password)?)
}

fn login(user: Option<String>, password: Option<String>) -> Result<RedisLogin, String> {
    if user.is_some() && password.is_none() {
        return Err(
            "has a user name and no password; a password alone before @ is written with a colon before it"
                .to_owned(),
        );
    }
    Ok(RedisLogin { user, password })
}

/// At least one.
fn hosts(text: &str, default_port: u16) -> Result<Vec<HostAndPort>, String> {
    text.split(',').map(|host| read_host(host, default_port)).collect()
}

fn read_host(text: &str, default_port: u16) -> Result<HostAndPort, String> {
    if text.is_empty() {
        return Err("names no host, or has a comma too many between hosts".to_owned());
    }
    let url = Url::parse(&format!("redis://{text}"))
        .map_err(|error| format!("has a host that can't be read: {error}"))?;
    let port = url.port().unwrap_or(default_port);
    if port == 0 {
        return Err("has a port that is not from 1 to 65535".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    Ok(HostAndPort { host: host.trim_start_matches('[').trim_end_matches(']').to_owned(), port })
}

fn utf8(text: &str) -> Result<String, String> {
    String::from_utf8(percent::decode(text)?).map_err(|_| "has escapes that are not UTF-8".to_owned())
}
