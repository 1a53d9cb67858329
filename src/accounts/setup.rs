//! The first administrator, made through a one-time link that the first start prints.

use actix_web::HttpRequest;

use super::{service::Accounts, sign_up::NewAccount};
use crate::{
    config,
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    users::{NewUser, Role, User, tokens},
};

impl Accounts {
    /// The one-time link while there are no users. A new link replaces the last one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached.
    pub async fn setup_link(&self, server: &config::Server) -> Result<Option<String>, Error> {
        let issue = |conn: &mut DbConnection| {
            if User::any(conn)? { Ok(None) } else { tokens::issue_setup(conn).map(Some) }
        };
        let token = self.db.transaction(issue).await?;
        Ok(token.map(|token| server.href(&format!("/setup?token={token}"))))
    }

    /// Whether the token is valid and there are no users yet.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn setup_is_open(&self, token: &str) -> Result<bool, Error> {
        let token = token.to_owned();
        self.db.run(move |conn| is_open(conn, &token)).await
    }

    /// Makes the first administrator and signs them in.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the token is not valid; [`Error::Unavailable`] when a store can't be reached.
    pub async fn set_up(
        &self,
        req: &HttpRequest,
        token: String,
        new: NewAccount,
        client: Client,
    ) -> Result<(), Error> {
        // The link works once: it is not used up for an answer that can't sign the administrator in.
        self.sessions.check().await?;
        let new = self.new_user(new, Role::Admin).await?;
        let by = client.clone();
        let make = move |conn: &mut DbConnection| make_first_administrator(conn, &token, &new, &by);
        let user = self.db.transaction(make).await?;
        self.sessions.start(req, &user, false, client).await?;
        Ok(())
    }
}

/// Prints the link. It is not logged, since any client that has it can become the administrator.
pub fn print_link(link: Option<&str>) {
    if let Some(link) = link {
        println!(
            "There are no users yet. Make the first administrator here (the link works once):\n\n  {link}\n"
        );
    }
}

fn is_open(conn: &mut DbConnection, token: &str) -> Result<bool, Error> {
    Ok(tokens::is_setup(conn, token)? && !User::any(conn)?)
}

/// Two set-ups at once compete for the token: only one deletes it.
fn make_first_administrator(
    conn: &mut DbConnection,
    token: &str,
    new: &NewUser,
    client: &Client,
) -> Result<User, Error> {
    let open = is_open(conn, token)?;
    if !tokens::consume(conn, token)? || !open {
        return Err(Error::NotFound);
    }
    let user = User::create(conn, new)?;
    Event::new(EventKind::AdministratorMade, Some(user.id)).from(Some(client)).write(conn)?;
    Ok(user)
}
