//! A request about one user: who asks, and the page of the user that answers it.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::StatusCode, web};
use askama::Template;

use super::list::{LinkPanel, UserRow};
use crate::{
    accounts::{Accounts, Actor, Change, SecondFactors},
    admin::{
        events::rows::{self, EventRow},
        forms::EndSessionsForm,
    },
    config::Config,
    db::Db,
    error::Error,
    layout::{Flash, Layout, SessionFacts, see_other},
    security::Client,
    sessions::{
        Administrator, Sessions,
        catalogue::filter::{Filter, ListQuery},
    },
    web::{FieldErrors, Form, Moment, html},
};

/// The newest events that the page shows.
const MAX_EVENTS: i64 = 50;

const LAST_ADMINISTRATOR: &str =
    "This is the only active administrator. Make somebody else one first; nothing was changed.";

#[derive(Template)]
#[template(path = "admin/users/one.html")]
pub(super) struct UserPage {
    layout: Layout,
    errors: FieldErrors,
    user: UserRow,
    role: String,
    pub(super) end_form: FilledForm,
    pub(super) deactivate_form: FilledForm,
    pub(super) reset_form: FilledForm,
    second_factor: Option<SecondFactor>,
    sessions: Vec<SessionFacts>,
    more_sessions: bool,
    events: Vec<EventRow>,
    /// The addresses that the user can have back, and until when.
    former_addresses: Vec<(String, Moment)>,
    pub(super) link: Option<LinkPanel>,
}

/// What the user has beside the password.
struct SecondFactor {
    authenticator_since: Option<Moment>,
    /// Name and host of each passkey, since when, and its last use.
    passkeys: Vec<(String, String, Moment, Option<Moment>)>,
    codes_left: i64,
}

impl SecondFactor {
    fn of(found: SecondFactors) -> Option<Self> {
        let passkeys: Vec<_> = found
            .passkeys
            .into_iter()
            .map(|key| {
                let last_used = key.last_used_at.map(Moment::new);
                (key.name, key.rp_id, Moment::new(key.created_at), last_used)
            })
            .collect();
        let authenticator_since = found.authenticator_since.map(Moment::new);
        let has_one = authenticator_since.is_some() || !passkeys.is_empty();
        has_one.then_some(Self { authenticator_since, passkeys, codes_left: found.codes_left })
    }
}

/// A form that signs the user out, as it was sent with mistakes.
#[derive(Default)]
pub(super) struct FilledForm {
    values: EndSessionsForm,
    errors: FieldErrors,
}

/// A request about one user, with what every response to it needs.
pub struct UserRequest {
    pub(super) accounts: web::Data<Accounts>,
    pub(super) config: web::Data<Config>,
    db: web::Data<Db>,
    pub(super) sessions: web::Data<Sessions>,
    layout: Layout,
    pub(super) admin: Administrator,
    client: Client,
    /// The user's id, as in the path.
    pub(super) id: i64,
}

impl FromRequest for UserRequest {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = actix_web::Result<Self>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        type Shared = (web::Data<Accounts>, web::Data<Config>, web::Data<Db>, web::Data<Sessions>);
        type Parts = (Shared, Layout, Administrator, Client, web::Path<i64>);
        let parts = Parts::from_request(req, payload);
        Box::pin(async move {
            let ((accounts, config, db, sessions), layout, admin, client, id) = parts.await?;
            Ok(Self { accounts, config, db, sessions, layout, admin, client, id: id.into_inner() })
        })
    }
}

impl UserRequest {
    /// Who acts.
    pub(super) fn actor(&self) -> Actor {
        Actor::administrator(&self.admin, self.client.clone())
    }

    /// Whether the user is the administrator of the request.
    pub(super) fn is_own(&self) -> bool {
        self.id == self.admin.id
    }

    /// The path of the page.
    pub(super) fn path(&self) -> String {
        format!("/admin/users/{}", self.id)
    }

    /// The response to a change: a redirect to `path` with the flash, if it was made.
    pub(super) async fn respond(
        self,
        change: Change,
        path: &str,
        flash: Flash,
    ) -> Result<HttpResponse, Error> {
        match change {
            Change::Done(_) => Ok(see_other(path, flash)),
            Change::Unchanged => Ok(see_other(&self.path(), Flash::Unchanged)),
            Change::LastAdministrator => {
                let mut errors = FieldErrors::default();
                errors.add_form(LAST_ADMINISTRATOR);
                self.refuse(errors).await
            }
        }
    }

    /// The page with the form's mistakes: 422.
    pub(super) async fn refuse(self, errors: FieldErrors) -> Result<HttpResponse, Error> {
        Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &self.refused(errors).await?))
    }

    /// The page with the mistakes of a form that signs the user out, which is one of those on the page: 422.
    pub(super) async fn refuse_remarks(
        self,
        form: Form<EndSessionsForm>,
        place: impl FnOnce(&mut UserPage) -> &mut FilledForm,
    ) -> Result<HttpResponse, Error> {
        let mut page = self.refused(form.errors.clone()).await?;
        *place(&mut page) = FilledForm { values: form.values, errors: form.errors };
        Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
    }

    /// The page with the form's mistakes.
    async fn refused(self, errors: FieldErrors) -> Result<UserPage, Error> {
        self.accounts.check_actor(self.actor()).await?;
        Ok(UserPage { errors, ..self.page().await? })
    }

    /// The page.
    pub(super) async fn page(self) -> Result<UserPage, Error> {
        let id = self.id;
        let query =
            ListQuery { filter: Filter { user: Some(id), ..Filter::default() }, ..ListQuery::default() };
        // The sessions are read first: reading them ends those that the store has lost, so that they are not counted.
        let sessions = self.sessions.page(&query, None).await?;
        let listed = self.accounts.one(id).await?;
        let events = rows::of_user(&self.db, id, MAX_EVENTS).await?;
        let former = self.accounts.former_addresses(id).await?;
        let factors = self.accounts.second_factors_of(id).await?;
        let own = &self.admin.session.id;
        Ok(UserPage {
            errors: FieldErrors::default(),
            role: listed.user.role.name().to_owned(),
            user: UserRow::new(listed, &self.admin),
            end_form: FilledForm::default(),
            deactivate_form: FilledForm::default(),
            reset_form: FilledForm::default(),
            second_factor: SecondFactor::of(factors),
            more_sessions: sessions.next.is_some(),
            sessions: sessions.rows.iter().map(|session| SessionFacts::of(session, own)).collect(),
            events,
            former_addresses: former.into_iter().map(|old| (old.email, Moment::new(old.until))).collect(),
            link: None,
            layout: self.layout,
        })
    }
}
