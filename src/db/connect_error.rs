//! Why there is no connection to the database.

use super::own_session;

/// Why a connection could not be opened or has failed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The SQLite file could not be created.
    #[error("the file of the database: {0}")]
    File(#[from] std::io::Error),
    /// The database refused the connection or was not reached.
    #[error(transparent)]
    Connect(#[from] diesel::ConnectionError),
    /// The database was reached, but the first statements failed.
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    /// The database refused a connection a moment ago and was not asked again.
    #[error("{0}")]
    Paused(String),
    /// The connection lost its session of the server to another one.
    #[error("{}", own_session::SHARED)]
    SharedSession,
    /// The server takes writes, but another one has been promoted since.
    #[error("the server is a primary that another one has replaced")]
    OldPrimary,
}
