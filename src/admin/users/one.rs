//! `/admin/users/{id}`: one user with every fact, their sessions and events, and what can be changed.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::StatusCode, web};
use askama::Template;

use super::list::{LinkPanel, UserRow, confirm_href};
use crate::{
    accounts::{
        administer::{self, Actor, Change},
        password_links,
    },
    admin::{
        events::rows::{EventRow, event_rows},
        forms::{EndSessionsForm, NoFields, RoleForm},
        sessions::list::AdminSessionRow,
    },
    app::Site,
    db::DbConnection,
    error::Error,
    events::log,
    layout::Layout,
    security::Client,
    sessions::{
        Administrator, Which,
        catalogue::list::{Filter, Wanted},
    },
    users::{Role, list},
    web::{FieldErrors, Flash, Form, html, see_other},
};

const EVENTS: i64 = 50;

const LAST: &str =
    "This is the only active administrator. Make somebody else one first; nothing was changed.";

#[derive(Template)]
#[template(path = "admin/user.html")]
struct UserPage {
    layout: Layout,
    errors: FieldErrors,
    user: UserRow,
    role: String,
    reason: String,
    sessions: Vec<AdminSessionRow>,
    more_sessions: bool,
    events: Vec<EventRow>,
    link: Option<LinkPanel>,
    confirm_href: Option<String>,
}

/// A request about one user, with what every answer to it needs.
pub struct About {
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    /// The user's id, as in the path.
    id: i64,
}

impl FromRequest for About {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = actix_web::Result<Self>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        type Parts = (web::Data<Site>, Layout, Administrator, Client, web::Path<i64>);
        let parts = Parts::from_request(req, payload);
        Box::pin(async move {
            let (site, layout, admin, client, id) = parts.await?;
            Ok(Self { site, layout, admin, client, id: id.into_inner() })
        })
    }
}

/// `GET /admin/users/{id}`
pub async fn show(about: About) -> Result<HttpResponse, Error> {
    Ok(html(StatusCode::OK, &about.page().await?))
}

/// `POST /admin/users/{id}/role`
pub async fn change_role(about: About, form: Form<RoleForm>) -> Result<HttpResponse, Error> {
    let Form { values, errors } = form;
    let Some(role) = Role::parse(&values.role).filter(|_| errors.is_empty()) else {
        return about.refuse(errors, "").await;
    };
    let change = administer::set_role(&about.site.db, about.id, role, about.actor()).await?;
    let flash = if about.is_own() { Flash::OwnRoleChanged } else { Flash::RoleChanged };
    // Whoever gives the role away may not see this page again.
    let gone = about.is_own() && role == Role::User;
    let path = if gone { "/profile".to_owned() } else { about.path() };
    about.answer(change, &path, flash).await
}

/// `POST /admin/users/{id}/deactivate`
pub async fn deactivate(about: About, form: Form<NoFields>) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        return about.refuse(form.errors, "").await;
    }
    let Site { db, sessions, .. } = about.site.as_ref();
    let change = administer::deactivate(db, sessions, about.id, about.actor()).await?;
    let path = if about.is_own() { "/".to_owned() } else { about.path() };
    let flash = match change {
        Change::Done(ends) => Flash::Deactivated(ends),
        _ => Flash::Unchanged,
    };
    about.answer(change, &path, flash).await
}

/// `POST /admin/users/{id}/activate`
pub async fn activate(about: About, form: Form<NoFields>) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        return about.refuse(form.errors, "").await;
    }
    let change = administer::activate(&about.site.db, about.id, about.actor()).await?;
    let path = about.path();
    about.answer(change, &path, Flash::Activated).await
}

/// `POST /admin/users/{id}/end-sessions`: of one's own the session in use stays.
pub async fn end_sessions(
    req: HttpRequest,
    about: About,
    form: Form<EndSessionsForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, errors } = form;
    if !errors.is_empty() {
        return about.refuse(errors, &values.reason).await;
    }
    let user = about.id;
    let which = match about.is_own() {
        true => Which::AllBut { user, keep: about.admin.session.id.clone() },
        false => Which::AllOf { user },
    };
    let Site { db, sessions, config, .. } = about.site.as_ref();
    let (epoch, ends) =
        administer::end_sessions(db, sessions, which, user, values.note(), about.actor()).await?;
    if about.is_own() {
        sessions.keep(&req, epoch)?;
    }
    Ok(see_other(config, &about.path(), Some(Flash::AllEnded(ends))))
}

/// `POST /admin/users/{id}/send-reset`: a one-time link, shown this once.
pub async fn make_link(about: About, form: Form<NoFields>) -> Result<HttpResponse, Error> {
    let mut errors = form.errors;
    if errors.is_empty() {
        if let Some(link) = password_links::make_link(&about.site.db, about.id, about.actor()).await? {
            let link = Some(LinkPanel::new(&about.site, link));
            return Ok(html(StatusCode::OK, &UserPage { link, ..about.page().await? }));
        }
        errors.add_form("This account is deactivated. Activate it first; then make a link.");
    }
    about.refuse(errors, "").await
}

impl About {
    fn actor(&self) -> Actor {
        Actor::administrator(&self.admin, self.client.clone())
    }

    /// Whether the user is the administrator who asks.
    fn is_own(&self) -> bool {
        self.id == self.admin.id
    }

    fn path(&self) -> String {
        format!("/admin/users/{}", self.id)
    }

    /// What a change answers: where it leads and with which words when it was made.
    async fn answer(self, change: Change, path: &str, flash: Flash) -> Result<HttpResponse, Error> {
        match change {
            Change::Done(_) => {
                self.site.sessions.live().accounts_changed();
                Ok(see_other(&self.site.config, path, Some(flash)))
            }
            Change::Nothing => Ok(see_other(&self.site.config, &self.path(), Some(Flash::Unchanged))),
            Change::LastAdministrator => {
                let mut errors = FieldErrors::default();
                errors.add_form(LAST);
                self.refuse(errors, "").await
            }
        }
    }

    /// The page with what is wrong with the form.
    async fn refuse(self, errors: FieldErrors, reason: &str) -> Result<HttpResponse, Error> {
        let by = self.actor();
        self.site.db.run(move |conn| by.check(conn)).await?;
        let page = UserPage { errors, reason: reason.to_owned(), ..self.page().await? };
        Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
    }

    async fn page(self) -> Result<UserPage, Error> {
        let Self { site, layout, admin, id, .. } = &self;
        let id = *id;
        let wanted = Wanted { filter: Filter { user: Some(id), ..Filter::default() }, ..Wanted::default() };
        // The sessions first: those that the store turns out to have lost are not counted then.
        let sessions = site.sessions.page(&wanted, None).await?;
        let work = move |conn: &mut DbConnection| {
            let events = log::page(conn, &log::Filter::of_user(id), None, EVENTS)?;
            Ok((list::one(conn, id)?, event_rows(conn, events)?))
        };
        let (person, events) = site.db.run(work).await?;
        Ok(UserPage {
            errors: FieldErrors::default(),
            role: person.role.name().to_owned(),
            user: UserRow::new(person, admin),
            reason: String::new(),
            more_sessions: sessions.next.is_some(),
            sessions: sessions.rows.iter().map(|row| AdminSessionRow::new(row, &admin.session.id)).collect(),
            events,
            link: None,
            confirm_href: confirm_href(site, admin, &self.path()),
            layout: layout.clone(),
        })
    }
}
