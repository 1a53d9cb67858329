//! What the page of a session shows of its key.

use time::PrimitiveDateTime;

use crate::{
    error::Error,
    sessions::{catalogue::device_keys, service::Sessions},
};

impl Sessions {
    /// When the key of a session was made, and when its browser has last proven that it has it; `None`: the session is not bound.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn key_times(
        &self,
        session: String,
    ) -> Result<Option<(PrimitiveDateTime, PrimitiveDateTime)>, Error> {
        self.db.run(move |conn| device_keys::times(conn, &session)).await
    }
}
