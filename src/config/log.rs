//! What is logged and how.

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::reader::Reader;

/// What is logged when `RUST_LOG` is unset: actix-session, the HTTP parser, the server and the client of Redis report errors that are logged elsewhere
/// already, and the reader of passkeys what strangers send.
const DEFAULT_FILTER: &str =
    "info,actix_session=error,actix_http=off,actix_server=warn,redis=error,webauthn_rs=off";

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
                "a level (off, error, warn, info, debug, trace) or levels by target, such as warn,gatehouse=debug",
                DEFAULT_FILTER.to_owned(),
                |value| is_filter(value).then(|| value.to_owned()),
            ),
        }
    }
}

/// Whether the filter means what it says. `EnvFilter` takes a misspelt level for a target, of which it then logs everything, and
/// of all else nothing.
fn is_filter(text: &str) -> bool {
    let is_level = |text: &str| !text.is_empty() && text.parse::<LevelFilter>().is_ok();
    let is_target = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
    };
    // Filters by the fields of spans have commas of their own.
    let plain = text.split(',').all(|directive| match directive.split_once('=') {
        Some((target, level)) => is_target(target) && is_level(level),
        None => is_level(directive) || directive.starts_with("gatehouse") && is_target(directive),
    });
    (plain || text.contains('[')) && EnvFilter::try_new(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_filters_that_mean_something_pass() {
        for right in [
            "info",
            "WARN",
            "off",
            "warn,gatehouse=debug",
            "info,gatehouse::sessions=trace",
            "gatehouse",
            "[request{id=1}]=debug",
        ] {
            assert!(is_filter(right), "{right}");
        }
        for wrong in [
            "inof",
            "verbose",
            "gatehouse=loud",
            "debug;info",
            "warn gatehouse=debug",
            "a=b=info",
            "=info",
            "info,",
            "[x=",
            "gatehouse=debug=x",
        ] {
            assert!(!is_filter(wrong), "{wrong}");
        }
    }
}
