//! Registering an account.

use actix_web::HttpRequest;

use super::service::Accounts;
use crate::{
    error::Error,
    events::{Event, EventKind},
    security::Client,
    users::{NewUser, Role, User},
};

/// What a new account is made of. Name, address and password have been checked.
pub struct NewAccount {
    /// 1 to 100 characters.
    pub name: String,
    /// The address to sign in with.
    pub email: String,
    /// The password.
    pub password: String,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// The account was made and its user is signed in.
    Done,
    /// The address has an account already.
    AddressTaken,
    /// Accounts are made by invitation only (`REGISTRATION=closed`), or there is no administrator yet.
    Closed,
}

impl Accounts {
    /// Makes an account and signs its user in.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many sign-ins wait; [`Error::Unavailable`] when a store can't be reached.
    pub async fn sign_up(&self, req: &HttpRequest, new: NewAccount, client: Client) -> Result<SignUp, Error> {
        if !self.rules.registration_open || self.set_up.is_pending().await? {
            return Ok(SignUp::Closed);
        }
        // An account without the session that follows would answer the next try with "exists already".
        self.sessions.check().await?;
        let new = self.new_user(new, Role::User).await?;
        let by = client.clone();
        let made = self.db.transaction(move |conn| {
            let user = User::create(conn, &new)?;
            Event::new(EventKind::Registered, Some(user.id)).from(Some(&by)).write(conn)?;
            Ok(user)
        });
        match made.await {
            Ok(user) => {
                self.sessions.start(req, &user, false, client).await?;
                Ok(SignUp::Done)
            }
            Err(error) if error.is_unique_violation() => Ok(SignUp::AddressTaken),
            Err(error) => Err(error),
        }
    }

    /// The row of a new account, with its password hashed.
    pub(super) async fn new_user(&self, new: NewAccount, role: Role) -> Result<NewUser, Error> {
        Ok(NewUser {
            name: new.name.trim().to_owned(),
            email: new.email.trim().to_owned(),
            password_hash: self.passwords.hash(new.password).await?,
            role,
        })
    }
}
