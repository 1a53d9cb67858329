//! The passkeys of an account: adding, renaming and removing them.

use actix_web::HttpRequest;

use super::{
    changes::check_live,
    second_factor::{AddedFactor, FactorChange},
    service::Accounts,
};
use crate::{
    db::DbConnection,
    error::{Error, PasskeyRefusal},
    events::{Event, EventKind},
    security::Client,
    sessions::CurrentUser,
    users::{
        User,
        ceremonies::{Answer, Begun, Registered},
        ceremony_state::UnusedCeremony,
        factors, passkeys, recovery_codes,
    },
};

/// What became of a new passkey.
#[derive(Debug)]
pub enum NewPasskey {
    /// It was added.
    Added(AddedFactor),
    /// What the authenticator says is not right, or came too late.
    Wrong,
    /// There are as many as there may be.
    TooMany,
}

impl Accounts {
    /// Begins to make a passkey for whoever is signed in.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when there are no passkeys here.
    pub async fn begin_passkey(&self, user: &CurrentUser) -> Result<Begun, Error> {
        let ceremonies = self.ceremonies()?;
        let (id, host) = (user.id, ceremonies.rp_id().to_owned());
        let known = self.db.run(move |conn| passkeys::known(conn, id, &host)).await?;
        let names = (user.email.as_str(), user.name.as_str());
        ceremonies.begin_registration(&self.second_factors, &user.session.id, names, known)
    }

    /// Adds a passkey that was made. `name` has been checked.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many changes; [`Error::SignInFirst`] when session or account were changed meanwhile.
    pub async fn add_passkey(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        name: &str,
        answer: Option<&Answer>,
        client: Client,
    ) -> Result<NewPasskey, Error> {
        let counted = self.throttle.change(user.id).await?;
        let ceremonies = self.ceremonies()?;
        let (keys, session) = (&self.second_factors, &user.session.id);
        let made = answer.and_then(|answer| ceremonies.finish_registration(keys, session, answer));
        let added = match made {
            Some(made) => self.store_passkey(req, user, name.trim(), made, &client).await,
            None => Ok(NewPasskey::Wrong),
        };
        self.count_done(counted, user.id, &client).await;
        match added {
            // Somebody has it, or the ceremony was used.
            Err(error) if error.is_unique_violation() => Ok(NewPasskey::Wrong),
            added => added,
        }
    }

    async fn store_passkey(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        name: &str,
        (ceremony, made): (UnusedCeremony, Registered),
        client: &Client,
    ) -> Result<NewPasskey, Error> {
        let (id, had_one, name) = (user.id, user.second_factor, name.to_owned());
        if self.db.run(move |conn| passkeys::count(conn, id)).await? >= passkeys::MOST {
            return Ok(NewPasskey::TooMany);
        }
        let host = self.ceremonies()?.rp_id().to_owned();
        let event = Event::new(EventKind::PasskeyAdded, Some(id)).detail(&name);
        let told = FactorChange { event, done: "A passkey was added to" };
        let add = move |conn: &mut DbConnection| {
            // Once more, now that the user's row is locked: another request may have added one.
            if !ceremony.use_up(conn)? || passkeys::count(conn, id)? >= passkeys::MOST {
                return Err(Error::PasskeyRefused(PasskeyRefusal::Wrong));
            }
            passkeys::add(conn, id, &name, &host, &made)?;
            if had_one { Ok(Vec::new()) } else { recovery_codes::replace(conn, id) }
        };
        match self.change_second_factor(req, user, told, client, add).await {
            Ok((codes, ended)) => Ok(NewPasskey::Added(AddedFactor { codes, ended })),
            Err(Error::PasskeyRefused(_)) => Ok(NewPasskey::Wrong),
            Err(error) => Err(error),
        }
    }

    /// Calls a passkey otherwise. `name` has been checked. `false`: there is none with this id.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many changes; [`Error::SignInFirst`] when the session ended meanwhile.
    pub async fn rename_passkey(
        &self,
        user: &CurrentUser,
        passkey: i64,
        name: &str,
        client: &Client,
    ) -> Result<bool, Error> {
        let counted = self.throttle.change(user.id).await?;
        let (id, session, name) = (user.id, user.session.id.clone(), name.trim().to_owned());
        let rename = move |conn: &mut DbConnection| {
            User::lock(conn, id)?;
            check_live(conn, &session)?;
            passkeys::rename(conn, id, passkey, &name)
        };
        let renamed = self.db.transaction(rename).await?;
        self.count_done(counted, id, client).await;
        Ok(renamed)
    }

    /// Removes a passkey; with the last second factor recovery codes and trusted browsers. Returns whether the password is enough from
    /// now on; `None`: there is none with this id.
    ///
    /// # Errors
    /// As [`Self::add_passkey`].
    pub async fn remove_passkey(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        passkey: i64,
        client: Client,
    ) -> Result<Option<bool>, Error> {
        let id = user.id;
        let own = self.db.run(move |conn| passkeys::of_user(conn, id)).await?;
        let Some(found) = own.into_iter().find(|own| own.id == passkey) else { return Ok(None) };
        let counted = self.throttle.change(id).await?;
        let event = Event::new(EventKind::PasskeyRemoved, Some(id)).detail(found.name);
        let told = FactorChange { event, done: "A passkey was removed from" };
        let remove = move |conn: &mut DbConnection| {
            passkeys::remove(conn, id, passkey)?.ok_or(Error::NotFound)?;
            factors::has_any(conn, id)
        };
        let removed = self.change_second_factor(req, user, told, &client, remove).await;
        self.count_done(counted, id, &client).await;
        match removed {
            Ok((has_another, _)) => Ok(Some(!has_another)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
