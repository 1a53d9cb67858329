//! The second factors of an account: an authenticator app, recovery codes for the day on which it is lost, and the browsers that are
//! not asked for either. Passkeys have a file of their own.

use std::sync::Arc;

use actix_web::HttpRequest;
use time::PrimitiveDateTime;

use super::{
    actor::Actor, changes::check_live, codes::Code, notice_letters::SessionsAfter, service::Accounts,
};
use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind, last_of},
    security::Client,
    sessions::{CurrentUser, EndOutcome, EndReason, Remarks, StateChange, Target, catalogue::end},
    users::{
        User, factors,
        passkeys::{self, ListedPasskey},
        recovery_codes,
        totp::{self, TotpKey},
        trusted_browsers::{self, TrustedBrowser},
    },
};

/// What came of a second factor that was added.
#[derive(Debug)]
pub struct AddedFactor {
    /// New recovery codes, which come with the first second factor and with another app.
    pub codes: Vec<String>,
    /// The other sessions, which end with the first one; `None`: it is not the first.
    pub ended: Option<EndOutcome>,
}

/// A change of the second factors.
pub(super) struct FactorChange {
    pub(super) event: Event,
    /// What the mail about it says was done, such as "An authenticator app was set up for".
    pub(super) done: &'static str,
}

/// How a user signs in.
pub struct SecondFactors {
    /// The passkeys, the oldest first.
    pub passkeys: Vec<ListedPasskey>,
    /// Since when there is an authenticator app.
    pub authenticator_since: Option<PrimitiveDateTime>,
    /// How many recovery codes were not used yet.
    pub codes_left: i64,
    /// The browsers that are not asked for a second factor.
    pub trusted: Vec<TrustedBrowser>,
    /// When the password was last chosen, if the log still has it.
    pub password_since: Option<PrimitiveDateTime>,
}

impl Accounts {
    /// How a user signs in.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn second_factors_of(&self, user: i64) -> Result<SecondFactors, Error> {
        let passwords = [
            EventKind::PasswordChanged,
            EventKind::PasswordReset,
            EventKind::Registered,
            EventKind::AdministratorMade,
        ];
        let find = move |conn: &mut DbConnection| {
            Ok(SecondFactors {
                passkeys: passkeys::of_user(conn, user)?,
                authenticator_since: totp::since(conn, user)?,
                codes_left: recovery_codes::left(conn, user)?,
                trusted: trusted_browsers::of_user(conn, user)?,
                password_since: last_of(conn, user, &passwords)?,
            })
        };
        self.db.run(find).await
    }

    /// The key that this session's user is offered for an authenticator app.
    pub fn offered_key(&self, user: &CurrentUser) -> TotpKey {
        self.second_factors.offered(user.id, &user.session.id, user.session.epoch)
    }

    /// Stores the key that was offered, which the app has: `code` is one that it shows. `None`: the code is wrong. With the first second
    /// factor the account's other sessions end.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many changes; [`Error::SignInFirst`] when session or account were changed meanwhile.
    pub async fn add_authenticator(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        code: &str,
        client: Client,
    ) -> Result<Option<AddedFactor>, Error> {
        let counted = self.throttle.change(user.id).await?;
        let key = self.offered_key(user);
        let step = match Code::read(code) {
            Some(Code::Totp(code)) => key.step_of(&code)?,
            _ => None,
        };
        let Some(step) = step else {
            self.count_done(counted, user.id, &client).await;
            return Ok(None);
        };
        let (id, keys, had_one) = (user.id, Arc::clone(&self.second_factors), user.second_factor);
        let event = Event::new(EventKind::AuthenticatorAdded, Some(id));
        let told = FactorChange { event, done: "An authenticator app was set up for" };
        let add = move |conn: &mut DbConnection| {
            let is_addition = had_one && totp::since(conn, id)?.is_none();
            totp::store(conn, &keys, id, &key, step)?;
            trusted_browsers::forget_all(conn, id)?;
            if is_addition { Ok(Vec::new()) } else { recovery_codes::replace(conn, id) }
        };
        let (codes, ended) = self.change_second_factor(req, user, told, &client, add).await?;
        self.count_done(counted, user.id, &client).await;
        Ok(Some(AddedFactor { codes, ended }))
    }

    /// Removes the authenticator app; with the last second factor recovery codes and trusted browsers. Returns whether the password is
    /// enough from now on; `None`: there was none.
    ///
    /// # Errors
    /// As [`Self::add_authenticator`].
    pub async fn remove_authenticator(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        client: Client,
    ) -> Result<Option<bool>, Error> {
        let id = user.id;
        if self.db.run(move |conn| totp::since(conn, id)).await?.is_none() {
            return Ok(None);
        }
        let event = Event::new(EventKind::AuthenticatorRemoved, Some(id));
        let told = FactorChange { event, done: "The authenticator app was removed from" };
        let remove = move |conn: &mut DbConnection| {
            totp::remove(conn, id)?;
            factors::has_any(conn, id)
        };
        let (has_another, _) = self.change_second_factor(req, user, told, &client, remove).await?;
        Ok(Some(!has_another))
    }

    /// Makes a change of the second factors, which the session of the request and its key are adapted to, and tells of it. Whether the
    /// password alone is enough from then on follows from what there is after it: where it was and is no more, all other sessions end,
    /// since they were signed in with it alone (ASVS 7.4.3). Returns those too.
    pub(super) async fn change_second_factor<T: Send + 'static>(
        &self,
        req: &HttpRequest,
        user: &CurrentUser,
        told: FactorChange,
        client: &Client,
        change: impl FnOnce(&mut DbConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<(T, Option<EndOutcome>), Error> {
        let (id, session, epoch) = (user.id, user.session.id.clone(), user.session.epoch);
        let (in_store, notices, by) =
            (self.sessions.has_entries(), self.notices(), Actor::owner(id, client.clone()));
        let event = told.event.session(&session).from(Some(client));
        let make = move |conn: &mut DbConnection| {
            // First, as in all changes of the account.
            let user = User::lock(conn, id)?;
            check_live(conn, &session)?;
            let changed = change(conn)?;
            let has_one = factors::has_any(conn, id)?;
            if !has_one {
                factors::remove_stand_ins(conn, id)?;
            }
            let epoch = User::set_second_factor(conn, id, epoch, has_one)?.ok_or(Error::SignInFirst)?;
            event.write(conn)?;
            let is_first = has_one && !user.second_factor;
            let sessions = if is_first { SessionsAfter::OneGoesOn } else { SessionsAfter::AllGoOn };
            notices.second_factor_changed(conn, &user, told.done, sessions, &by)?;
            let request = by.end_request(EndReason::SecondFactorSetUp, Remarks::default());
            let others = Target::AllBut { user: id, keep: session };
            let ended = is_first.then(|| end::end(conn, &others, &request, in_store)).transpose()?;
            Ok((epoch, changed, ended))
        };
        let (epoch, changed, ended) =
            self.sessions.change_and_rotate(req, StateChange::Epoch(epoch + 1), make).await?;
        self.outbox.send_soon();
        let ended = match ended {
            Some(ended) => Some(self.sessions.announce_and_delete(&ended).await),
            None => None,
        };
        self.throttle.remember_browser(req, id, epoch)?;
        self.sessions.adopt_epoch(req, epoch)?;
        Ok((changed, ended))
    }

    /// Makes new recovery codes; the old ones are void. `None`: there is nothing that they could stand in for.
    ///
    /// # Errors
    /// [`Error::Throttled`] after too many changes; [`Error::SignInFirst`] when the session ended meanwhile.
    pub async fn make_recovery_codes(
        &self,
        user: &CurrentUser,
        client: &Client,
    ) -> Result<Option<Vec<String>>, Error> {
        let counted = self.throttle.change(user.id).await?;
        let (id, session) = (user.id, user.session.id.clone());
        let event = Event::new(EventKind::RecoveryCodesMade, Some(id)).session(&session).from(Some(client));
        let (notices, by) = (self.notices(), Actor::owner(id, client.clone()));
        let make = move |conn: &mut DbConnection| {
            let user = User::lock(conn, id)?;
            check_live(conn, &session)?;
            if !user.second_factor {
                return Ok(None);
            }
            event.write(conn)?;
            notices.second_factor_changed(
                conn,
                &user,
                "New recovery codes were made for",
                SessionsAfter::AllGoOn,
                &by,
            )?;
            recovery_codes::replace(conn, id).map(Some)
        };
        let codes = self.db.transaction(make).await?;
        self.outbox.send_soon();
        self.count_done(counted, user.id, client).await;
        Ok(codes)
    }

    /// Asks for the second factor in all browsers again.
    ///
    /// # Errors
    /// [`Error::SignInFirst`] when the session ended meanwhile.
    pub async fn forget_trusted_browsers(&self, user: &CurrentUser, client: &Client) -> Result<(), Error> {
        let counted = self.throttle.change(user.id).await?;
        let (id, session) = (user.id, user.session.id.clone());
        let event =
            Event::new(EventKind::TrustedBrowsersForgotten, Some(id)).session(&session).from(Some(client));
        let forget = move |conn: &mut DbConnection| {
            check_live(conn, &session)?;
            trusted_browsers::forget_all(conn, id)?;
            event.write(conn)
        };
        self.db.transaction(forget).await?;
        self.count_done(counted, user.id, client).await;
        Ok(())
    }

    /// Removes a person's second factor, who has lost it, ends all their sessions and tells them. `None`: there was none.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account; also as [`Actor::check`].
    pub async fn reset_second_factor(
        &self,
        id: i64,
        remarks: Remarks,
        by: Actor,
    ) -> Result<Option<EndOutcome>, Error> {
        let (in_store, notices) = (self.sessions.has_entries(), self.notices());
        let reset = move |conn: &mut DbConnection| {
            let user = User::lock(conn, id)?;
            by.check(conn)?;
            if !user.second_factor {
                return Ok(None);
            }
            User::set_second_factor(conn, id, user.session_epoch, false)?;
            factors::remove_all(conn, id)?;
            by.event(EventKind::SecondFactorReset, id, remarks.message.as_deref())
                .note(remarks.note.clone())
                .write(conn)?;
            notices.second_factor_reset(conn, &user, remarks.message.as_deref())?;
            let request = by.end_request(EndReason::EndedByAdmin, remarks);
            end::end(conn, &Target::AllOf { user: id }, &request, in_store).map(Some)
        };
        let Some(ended) = self.db.transaction(reset).await? else { return Ok(None) };
        self.outbox.send_soon();
        Ok(Some(self.sessions.announce_and_delete(&ended).await))
    }

    /// Encrypts what was encrypted with an older `SESSION_SECRET` with the newest, so that the older one can be left out.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached.
    pub async fn encrypt_anew(&self) -> Result<(), Error> {
        const BATCH: i64 = 200;
        let mut after = Some(0).filter(|_| self.second_factors.has_older());
        while let Some(last) = after {
            let keys = Arc::clone(&self.second_factors);
            let next = move |conn: &mut DbConnection| totp::encrypt_anew(conn, &keys, last, BATCH);
            after = self.db.transaction(next).await?;
        }
        Ok(())
    }
}
