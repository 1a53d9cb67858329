//! What is logged and how.

use tracing_subscriber::EnvFilter;

use super::reader::Reader;

/// What is logged when `RUST_LOG` is unset: actix-session and the server report errors that are logged elsewhere already.
const DEFAULT_FILTER: &str = "info,actix_session=error,actix_server=warn";

/// What is logged and how.
#[derive(Debug, Clone)]
pub struct Log {
    /// `LOG_FORMAT`: `text` or `json`. Default: `text`.
    pub format: LogFormat,
    /// `RUST_LOG`: which entries are written, as `tracing_subscriber`'s `EnvFilter` reads it. Default: `info`.
    pub filter: String,
}

/// How log entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per entry.
    Text,
    /// One JSON object per line.
    Json,
}

impl Log {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            format: reader.parse("LOG_FORMAT", "text or json", LogFormat::Text, |value| match value {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            }),
            filter: reader.parse(
                "RUST_LOG",
                "a level or levels by target, such as info or warn,gatehouse=debug",
                DEFAULT_FILTER.to_owned(),
                |value| EnvFilter::try_new(value).is_ok().then(|| value.to_owned()),
            ),
        }
    }
}
