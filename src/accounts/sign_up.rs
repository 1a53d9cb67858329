//! Registering an account.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::{
    address_letters::ConfirmReason,
    email_change::{Holder, write_confirmation},
    service::Accounts,
};
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::{NewSession, catalogue::method::Method},
    users::{NewUser, Role, User},
};

/// What a new account is made of. Name and address have been checked.
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
    /// A mail is on its way to the address, and nobody is signed in (`EMAIL_CONFIRMATION=required`). Nothing tells whether there was
    /// an account with it before.
    CheckMail,
    /// The address has an account already.
    AddressTaken,
    /// Accounts are made by invitation only (`REGISTRATION=closed`), or there is no administrator yet.
    Closed,
}

impl Accounts {
    /// Makes an account and signs its user in. A link that proves the address is mailed to it; where that is required first, nobody is
    /// signed in.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many registrations; [`Error::WeakPassword`] when the password is not good enough;
    /// [`Error::Busy`] when too many wait; [`Error::Unavailable`]
    /// when a store can't be reached.
    pub async fn sign_up(&self, req: &HttpRequest, new: NewAccount, client: Client) -> Result<SignUp, Error> {
        if !self.rules.registration_open || self.set_up.is_pending().await? {
            return Ok(SignUp::Closed);
        }
        if self.rules.confirmation_required {
            self.count_registration_by_mail(&new.email, &client).await?;
            let new = self.new_user(new, Role::User, Some(&client)).await?;
            self.sign_up_by_mail(new, client).await?;
            return Ok(SignUp::CheckMail);
        }
        self.count_registration(&client).await?;
        let email = new.email.clone();
        let take_id = move |conn: &mut DbConnection| match Holder::find(conn, &email, None)? {
            Some(_) => Ok(None),
            None => User::new_id(conn).map(Some),
        };
        let Some(id) = self.db.transaction(take_id).await? else {
            return Ok(SignUp::AddressTaken);
        };
        let new = self.new_user(new, Role::User, Some(&client)).await?;
        match self
            .create_and_start(req, (id, new), Method::Password, client, |_| Ok(EventKind::Registered))
            .await
        {
            Ok(()) => Ok(SignUp::Done),
            Err(Error::AddressTaken) => Ok(SignUp::AddressTaken),
            Err(error) => Err(error),
        }
    }

    /// Makes an account with an id of [`User::new_id`] and signs its user in, both or neither. `permit` checks whether it may
    /// be made and says how the log names it.
    pub(super) async fn create_and_start(
        &self,
        req: &HttpRequest,
        (id, new): (i64, NewUser),
        method: Method,
        client: Client,
        permit: impl FnOnce(&mut DbConnection) -> Result<EventKind, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let role = new.role;
        let (by, outbox) = (client.clone(), Arc::clone(&self.outbox));
        let make = move |conn: &mut DbConnection| {
            let kind = permit(conn)?;
            let user = User::create(conn, id, &new)?;
            Event::new(kind, Some(id)).from(Some(&by)).write(conn)?;
            if new.email_confirmed {
                return Ok(());
            }
            write_confirmation(conn, &outbox, &user, ConfirmReason::Registered)
        };
        let session = NewSession {
            user_id: id,
            role,
            epoch: User::FIRST_EPOCH,
            remembered: false,
            method,
            confirmed: true,
            client,
        };
        self.sessions.start(req, session, make, |_, _| Ok(())).await?;
        self.outbox.send_soon();
        self.throttle.remember_browser(req, id, User::FIRST_EPOCH)
    }

    /// The row of a new account whose address is not confirmed, with its password judged and hashed.
    pub(super) async fn new_user(
        &self,
        new: NewAccount,
        role: Role,
        from: Option<&Client>,
    ) -> Result<NewUser, Error> {
        let about = [new.name.as_str(), new.email.as_str()];
        Ok(NewUser {
            password_hash: self.hash_new(new.password, about, from).await?,
            name: new.name.trim().to_owned(),
            email: new.email.trim().to_owned(),
            role,
            email_confirmed: false,
        })
    }
}
