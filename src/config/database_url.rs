//! `DATABASE_URL`: which database.

use std::path::{Path, PathBuf};

use super::postgres_url::PostgresUrl;

/// Which database: the scheme of `DATABASE_URL` decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `postgres://…`, for libpq.
    Postgres(PostgresUrl),
    /// `sqlite://path`: a file, made when missing.
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Reads `postgres://…`, `postgresql://…` or `sqlite://path`. Schemes are in lower case, as libpq wants them.
    ///
    /// # Errors
    /// What is wrong with it, without its text: any part may be a password in a wrong place.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return Ok(Self::Sqlite(sqlite_path(path)?));
        }
        match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            Some(rest) => Ok(Self::Postgres(PostgresUrl::parse(text, rest)?)),
            None => Err("does not begin with postgres:// or sqlite://, in lower case".to_owned()),
        }
    }

    /// What must not be printed.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Postgres(url) => url.secrets(),
            Self::Sqlite(_) => Vec::new(),
        }
    }
}

/// The path of a SQLite file, taken as it stands: no escapes, no parameters.
fn sqlite_path(text: &str) -> Result<PathBuf, &'static str> {
    if text.starts_with(":memory:") || text.starts_with("file:") {
        return Err(
            "names no file; a database in memory would be lost, and each connection would have its own",
        );
    }
    if text.contains('?') {
        return Err("has parameters after the path of the file, which it does not take");
    }
    let path = Path::new(text);
    if path.file_name().is_none() || text.ends_with('/') {
        return Err("names no file");
    }
    if path.is_dir() {
        return Err("names a folder, not a file");
    }
    Ok(path.to_owned())
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self::Sqlite(PathBuf::from("data/gatehouse.db"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_urls_name_a_file() {
        for (url, path) in [("sqlite://a.db", "a.db"), ("sqlite:///srv/my%20site.db", "/srv/my%20site.db")] {
            assert_eq!(DatabaseUrl::parse(url), Ok(DatabaseUrl::Sqlite(PathBuf::from(path))));
        }
        for wrong in [
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://file::memory:?cache=shared",
            "sqlite://a.db?mode=ro",
            "sqlite://data/",
            "sqlite://..",
            "sqlite:///",
            "sqlite:///tmp",
            "sqlite:a.db",
            "SQLITE://a.db",
            "a.db",
        ] {
            assert!(DatabaseUrl::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn database_urls_of_others_are_refused_without_their_text() {
        for wrong in [
            "host=db password=hunter2",
            "mysql://root:hunter2@db/site",
            "postgres:hunter2@db",
            "postgres:/db/hunter2",
            "POSTGRES://u:hunter2@db/site",
            "hunter2",
        ] {
            assert!(!DatabaseUrl::parse(wrong).expect_err(wrong).contains("hunter2"), "{wrong}");
        }
    }
}
