//! `REDIS_URL`: which Redis server and database.

use std::fmt;

use redis::IntoConnectionInfo as _;
use url::Url;

use super::percent;

/// A Redis server, `redis://` or `rediss://`; `Debug` does not print it.
#[derive(Clone)]
pub struct RedisUrl(Url);

impl RedisUrl {
    /// Reads a URL that the client of Redis takes as it stands.
    ///
    /// # Errors
    /// What is wrong with it, without its text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("is no URL that can be read: {error}"))?;
        check(&url)?;
        // The client's own reader has the last word.
        url.as_str().into_connection_info().map_err(|_| "is no URL that the client of Redis can read")?;
        Ok(Self(url))
    }

    /// The URL for the client of Redis.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// What must not be printed.
    pub(super) fn secrets(&self) -> Vec<String> {
        let raw = self.0.password().unwrap_or_default();
        [percent::decode_lossy(raw).ok(), Some(raw.to_owned())].into_iter().flatten().collect()
    }
}

fn check(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "redis" | "rediss") {
        return Err("does not begin with redis:// or rediss://");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host");
    }
    if url.host_str().is_some_and(|host| host.contains(',')) {
        return Err("names several hosts, and takes one");
    }
    if url.port() == Some(0) {
        return Err("has a port that is not from 1 to 65535");
    }
    if !url.username().is_empty() && url.password().is_none() {
        return Err("has a user name and no password; a password alone is written with a colon before it");
    }
    for part in [url.username(), url.password().unwrap_or_default()] {
        let decoded = percent::decode(part)?;
        std::str::from_utf8(&decoded).map_err(|_| "has a user name or password that is not UTF-8")?;
    }
    let number = url.path().trim_matches('/');
    if !number.is_empty() && number.parse::<u16>().is_err() {
        return Err("has something after the host that is not the number of a database");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            "has something after ? or #, which it does not take; in a password they are written %3F and %23",
        );
    }
    Ok(())
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_urls_that_the_client_takes_pass() {
        for right in [
            "redis://h",
            "redis://h:6380/3",
            "rediss://h/",
            "redis://:p%40ss@h",
            "redis://ada:p@[::1]:6379/0",
            "REDIS://h",
        ] {
            assert!(RedisUrl::parse(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn redis_urls_that_cannot_work_are_refused_without_their_text() {
        for wrong in [
            "redis:hunter2@h",
            "redis:h",
            "redis://",
            "redis://h/abc",
            "redis://h/-1",
            "redis://h/0/1",
            "redis://h:0",
            "redis://h1,h2:6379",
            "redis://h1:6379,h2:6379",
            "redis://h:hunter2",
            "redis://hunter2@h",
            "redis://:hunter2%zz@h",
            "redis://:hunter2%ff@h",
            "redis://:hunter2#x@h",
            "redis://h?db=3",
            "rediss://h#insecure",
            "http://:hunter2@h",
            "unix:///run/redis.sock",
            "h:6379",
            "hunter2",
        ] {
            let reason = RedisUrl::parse(wrong).expect_err(wrong);
            assert!(!reason.contains("hunter2"), "{reason}");
        }
    }
}
