//! Sessions at other sites: the cookies that sites have of their own, and the codes that browsers get them for.

use super::{
    catalogue::site_cookies::{self, CodeUse, SiteUse},
    service::Sessions,
};
use crate::{
    crypto::{random_hex, sha256_hex},
    error::Error,
};

impl Sessions {
    /// Makes the secret of a site's own cookie for the session that has this store key. `site`: its host with its port. `None` when
    /// the session has ended or has another key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be written.
    pub async fn site_secret(&self, store_key: String, site: String) -> Result<Option<String>, Error> {
        let secret = random_hex::<32>()?;
        let hash = sha256_hex(&secret);
        let insert = move |conn: &mut _| site_cookies::insert(conn, &store_key, &site, &hash);
        Ok(self.db.transaction(insert).await?.then_some(secret))
    }

    /// At which sites with cookies of their own these sessions are used; those of ended ones are those at which they were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn sites_of(&self, sessions: Vec<String>) -> Result<Vec<SiteUse>, Error> {
        self.db.run(move |conn| site_cookies::of_sessions(conn, &sessions)).await
    }

    /// The time that codes are made at: the database's, since instances may disagree about theirs.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn code_time(&self) -> Result<i64, Error> {
        self.db.run(site_cookies::time).await
    }

    /// Uses up a code of a session, for all instances.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be written.
    pub async fn use_code(&self, id: String, session: String, made_at: i64) -> Result<CodeUse, Error> {
        self.db.run(move |conn| site_cookies::use_code(conn, &id, &session, made_at)).await
    }
}
