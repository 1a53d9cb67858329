//! `DATABASE_URL`: which database.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Which database: the scheme of `DATABASE_URL` decides.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `postgres://…`, handed to libpq as it is.
    Postgres(String),
    /// `sqlite://path`: a file, made when missing.
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Parses `postgres://…`, `postgresql://…` or `sqlite://path`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            let path = Path::new(path);
            return (path.file_name().is_some() && !path.is_dir()).then(|| Self::Sqlite(path.to_owned()));
        }
        let url = url::Url::parse(text).ok()?;
        matches!(url.scheme(), "postgres" | "postgresql").then(|| Self::Postgres(text.to_owned()))
    }
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self::Sqlite(PathBuf::from("data/gatehouse.db"))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(_) => f.write_str("Postgres(hidden)"),
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
        }
    }
}
