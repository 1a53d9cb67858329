//! In which ways the session is in use while it ends, and what became of each.

use std::time::{Duration, Instant};

/// A way in which the session is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A page of the site.
    Page,
    /// The stream of events of an open page.
    Stream,
    /// A change whose request has begun before the end and is complete only after it.
    InFlight,
    /// A page for those who are signed in: the operator's own, if there is one.
    Gated,
    /// What the proxies of other sites ask, or such a site itself.
    Proxied,
}

impl Kind {
    /// The name in the results.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Stream => "stream",
            Self::InFlight => "in-flight",
            Self::Gated => "gated",
            Self::Proxied => "proxied",
        }
    }
}

/// What became of one use of the session.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub kind: Kind,
    /// The instance or site, as an origin.
    pub at: String,
    /// Path and query.
    pub path: String,
    /// How long after the beginning of the end it was refused; or what was seen last.
    pub refused: Result<Duration, String>,
}

/// The time of an end, and until when it has to be noticed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub began: Instant,
    pub deadline: tokio::time::Instant,
}

impl Window {
    /// An end that begins now.
    pub(super) fn begin(within: Duration) -> Self {
        let began = Instant::now();
        Self { began, deadline: tokio::time::Instant::from_std(began + within) }
    }
}
