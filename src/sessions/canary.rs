//! The session that `gatehouse drill` starts. It is one like any other: its state is in the store, its row in the catalogue, and what
//! proves it is a cookie that every instance takes. Only no browser has asked for it.

use std::{net::Ipv4Addr, time::Duration};

use super::{
    catalogue::method::Method,
    duration::time_duration,
    request::session_cookie::made_of,
    service::Sessions,
    start::{NewSession, record_sign_in},
};
use crate::{error::Error, security::Client, users::User};

/// What lists show as the device.
const USER_AGENT: &str = "drill";

/// A session that was started without a browser.
pub struct CanarySession {
    /// The public session id.
    pub id: String,
    /// The header `Cookie` that leads to it. A secret.
    pub cookie: String,
}

impl Sessions {
    /// Starts a session of a user who is no administrator. It ends by itself after `longest`, whatever becomes of this process.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the user was changed meanwhile; [`Error::Unavailable`] when store or database can't be written. Then
    /// there is no session.
    pub async fn start_canary(&self, user: &User, longest: Duration) -> Result<CanarySession, Error> {
        let new = NewSession {
            user_id: user.id,
            role: user.role,
            epoch: user.session_epoch,
            remembered: false,
            method: Method::Drill,
            confirmed: false,
            client: Client { ip: Ipv4Addr::LOCALHOST.into(), user_agent: USER_AGENT.to_owned() },
        };
        let sign_in = self.sign_in(new, None)?.limited_to(time_duration(longest));
        let id = sign_in.session_id.clone();
        let of_admin = false;
        let key = self.create_key(sign_in.state().at_sign_in(user.id), of_admin).await?;
        let (record, in_store, no_limit) = (key.record.clone(), self.has_entries(), 0);
        let recorded =
            self.db.transaction(move |conn| record_sign_in(conn, &sign_in, &record, no_limit, in_store));
        if let Err(error) = recorded.await {
            self.delete_unused(&key.record.store_key).await;
            return Err(error);
        }
        self.bus.started(&id, user.id);
        let value = made_of(key.key.text(), &self.config);
        let value = value.ok_or_else(|| Error::bug("a key that makes no cookie"))?;
        Ok(CanarySession { id, cookie: format!("{}={value}", self.config.cookie_name) })
    }
}
