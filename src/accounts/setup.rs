//! The first administrator, made through a one-time link that each start prints while there is none.

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use actix_web::HttpRequest;

use super::{service::Accounts, sign_up::NewAccount};
use crate::{
    config,
    db::DbConnection,
    error::Error,
    events::EventKind,
    security::Client,
    sessions::catalogue::method::Method,
    users::{
        NewUser, Role, SetUp, User,
        tokens::{self, TokenPurpose},
    },
};

/// What a set-up link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupLink {
    /// It makes the first administrator.
    Valid,
    /// There is an administrator: this link or another one was used.
    Used,
    /// It has expired, or never was one.
    Unknown,
}

/// What became of a set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupOutcome {
    /// The administrator was made and is signed in.
    Done,
    /// The link was not valid (any more).
    Refused(SetupLink),
    /// The address has an account already, of somebody who is no administrator.
    AddressTaken,
}

impl Accounts {
    /// Whether the site is set up, for all who ask.
    pub fn site_set_up(&self) -> Arc<SetUp> {
        Arc::clone(&self.set_up)
    }

    /// A one-time link while there is no administrator, whoever has registered meanwhile. Links of other instances and earlier
    /// starts stay valid until one is used.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached.
    pub async fn setup_link(&self, server: &config::Server) -> Result<Option<String>, Error> {
        if !self.set_up.is_pending().await? {
            return Ok(None);
        }
        let token = self.db.transaction(tokens::issue_setup).await?;
        Ok(Some(server.href(&format!("/setup?token={token}"))))
    }

    /// What the link with this token is good for.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many links that were not valid; [`Error::Unavailable`] when the database can't be read.
    pub async fn check_setup_link(&self, token: &str, client: &Client) -> Result<SetupLink, Error> {
        let find =
            async { Ok(Some(self.find_setup_link(token).await?).filter(|link| *link != SetupLink::Unknown)) };
        Ok(self.try_link(client, find).await?.unwrap_or(SetupLink::Unknown))
    }

    async fn find_setup_link(&self, token: &str) -> Result<SetupLink, Error> {
        let token = token.to_owned();
        let purpose = self.db.run(move |conn| tokens::setup_purpose(conn, &token)).await?;
        Ok(match purpose {
            None => SetupLink::Unknown,
            Some(TokenPurpose::Setup) if self.set_up.is_pending().await? => SetupLink::Valid,
            // An administrator can also be made from the command line.
            Some(_) => SetupLink::Used,
        })
    }

    /// Makes the first administrator and signs them in.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] when the password is not good enough, [`Error::Busy`] when too many wait, and [`Error::Unavailable`]
    /// when a store can't be written: then the link is still good.
    pub async fn set_up(
        &self,
        req: &HttpRequest,
        token: String,
        new: NewAccount,
        client: Client,
    ) -> Result<SetupOutcome, Error> {
        let new = self.new_user(new, Role::Admin, Some(&client)).await?;
        // Whoever has the link runs the site, and must be able to sign in before it sends mail.
        let new = NewUser { email_confirmed: true, ..new };
        let id = self.db.transaction(User::new_id).await?;
        let used = token.clone();
        let permit = move |conn: &mut DbConnection| use_link(conn, &used);
        match self.create_and_start(req, (id, new), Method::Link, client, permit).await {
            Ok(()) => Ok(SetupOutcome::Done),
            Err(Error::NotFound) => Ok(SetupOutcome::Refused(self.find_setup_link(&token).await?)),
            Err(Error::AddressTaken) => Ok(SetupOutcome::AddressTaken),
            Err(error) => Err(error),
        }
    }
}

/// Prints the link. It is not logged, since any client that has it can become the administrator.
pub fn print_link(link: Option<&str>) {
    let Some(link) = link else { return };
    let text = format!(
        "This site has no administrator yet. Make the first one here (the link works once):\n\n  {link}\n\n"
    );
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::error!(%error, "the link for the first administrator could not be printed to standard output");
    }
}

/// Two set-ups at once compete for the links: only one uses them up. Says how the log names the account.
fn use_link(conn: &mut DbConnection, token: &str) -> Result<EventKind, Error> {
    if !tokens::consume_setup(conn, token)? || User::any_administrator(conn)? {
        return Err(Error::NotFound);
    }
    Ok(EventKind::AdministratorMade)
}
