//! `/admin/users/{id}`: one user with every fact, their sessions and events, and what can be changed.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    event_rows::{EventRow, event_rows},
    forms::{EndSessionsForm, NoFields, RoleForm},
    sessions::AdminSessionRow,
    users::{LinkPanel, UserRow, confirm_href},
};
use crate::{
    accounts::{
        Role, links, people,
        standing::{self, Actor, Change},
    },
    app::Site,
    db::DbConnection,
    error::Error,
    events::log,
    security::Client,
    sessions::{
        Administrator, Which,
        list::{Filter, Wanted},
    },
    web::{FieldErrors, Flash, Form, Layout, html, see_other},
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

/// `GET /admin/users/{id}`
pub async fn show(
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    id: web::Path<i64>,
) -> Result<HttpResponse, Error> {
    Ok(html(StatusCode::OK, &page(&site, layout, &admin, id.into_inner()).await?))
}

/// `POST /admin/users/{id}/role`
pub async fn change_role(
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    id: web::Path<i64>,
    form: Form<RoleForm>,
) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    let Form { values, errors } = form;
    let Some(role) = Role::parse(&values.role).filter(|_| errors.is_empty()) else {
        return refused(&site, layout, &admin, id, errors, "").await;
    };
    let change = standing::set_role(&site.db, id, role, actor(&admin, client)).await?;
    let own = id == admin.id;
    let flash = if own { Flash::OwnRoleChanged } else { Flash::RoleChanged };
    // Whoever gives the role away may not see this page again.
    let path = if own && role == Role::User { "/profile".to_owned() } else { path(id) };
    answer(&site, layout, &admin, id, change, (path, flash)).await
}

/// `POST /admin/users/{id}/deactivate`
pub async fn deactivate(
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    id: web::Path<i64>,
    form: Form<NoFields>,
) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    if !form.errors.is_empty() {
        return refused(&site, layout, &admin, id, form.errors, "").await;
    }
    let change = standing::deactivate(&site.db, &site.sessions, id, actor(&admin, client)).await?;
    let path = if id == admin.id { "/".to_owned() } else { path(id) };
    let flash = match change {
        Change::Done(ends) if !ends.confirmed => Flash::SessionEndedUnconfirmed,
        Change::Done(ends) => Flash::Deactivated(ends.count),
        _ => Flash::Unchanged,
    };
    answer(&site, layout, &admin, id, change, (path, flash)).await
}

/// `POST /admin/users/{id}/activate`
pub async fn activate(
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    id: web::Path<i64>,
    form: Form<NoFields>,
) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    if !form.errors.is_empty() {
        return refused(&site, layout, &admin, id, form.errors, "").await;
    }
    let change = standing::activate(&site.db, id, actor(&admin, client)).await?;
    answer(&site, layout, &admin, id, change, (path(id), Flash::Activated)).await
}

/// `POST /admin/users/{id}/end-sessions`: of one's own the session in use stays.
pub async fn end_sessions(
    req: HttpRequest,
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    id: web::Path<i64>,
    form: Form<EndSessionsForm>,
) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    let Form { values, errors } = form;
    if !errors.is_empty() {
        return refused(&site, layout, &admin, id, errors, &values.reason).await;
    }
    let own = id == admin.id;
    let which = match own {
        true => Which::AllBut { user: id, keep: admin.session.id.clone() },
        false => Which::AllOf { user: id },
    };
    let note = Some(values.reason.trim().to_owned()).filter(|note| !note.is_empty());
    let by = actor(&admin, client);
    let (epoch, ends) = standing::end_sessions(&site.db, &site.sessions, which, id, note, by).await?;
    if own {
        site.sessions.keep(&req, epoch)?;
    }
    let flash = if ends.confirmed { Flash::AllEnded(ends.count) } else { Flash::SessionEndedUnconfirmed };
    Ok(see_other(&site.config, &path(id), Some(flash)))
}

/// `POST /admin/users/{id}/send-reset`: a one-time link, shown this once.
pub async fn make_link(
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    id: web::Path<i64>,
    form: Form<NoFields>,
) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    let mut errors = form.errors;
    if errors.is_empty() {
        if let Some(link) = links::make_link(&site.db, id, actor(&admin, client)).await? {
            let link = Some(LinkPanel::new(&site, link));
            let page = page(&site, layout, &admin, id).await?;
            return Ok(html(StatusCode::OK, &UserPage { link, ..page }));
        }
        errors.add_form("This account is deactivated. Activate it first; then make a link.");
    }
    refused(&site, layout, &admin, id, errors, "").await
}

fn actor(admin: &Administrator, client: Client) -> Actor {
    Actor { user: Some(admin.id), client: Some(client) }
}

fn path(id: i64) -> String {
    format!("/admin/users/{id}")
}

/// What a change answers: where it leads and with which words when it was made.
async fn answer(
    site: &Site,
    layout: Layout,
    admin: &Administrator,
    id: i64,
    change: Change,
    done: (String, Flash),
) -> Result<HttpResponse, Error> {
    match change {
        Change::Done(_) => {
            site.sessions.live().accounts_changed();
            Ok(see_other(&site.config, &done.0, Some(done.1)))
        }
        Change::Nothing => Ok(see_other(&site.config, &path(id), Some(Flash::Unchanged))),
        Change::LastAdministrator => {
            let mut errors = FieldErrors::default();
            errors.add_form(LAST);
            refused(site, layout, admin, id, errors, "").await
        }
    }
}

async fn refused(
    site: &Site,
    layout: Layout,
    admin: &Administrator,
    id: i64,
    errors: FieldErrors,
    reason: &str,
) -> Result<HttpResponse, Error> {
    let page = page(site, layout, admin, id).await?;
    let page = UserPage { errors, reason: reason.to_owned(), ..page };
    Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn page(site: &Site, layout: Layout, admin: &Administrator, id: i64) -> Result<UserPage, Error> {
    let wanted = Wanted { filter: Filter { user: Some(id), ..Filter::default() }, ..Wanted::default() };
    // The sessions first: those that the store turns out to have lost are not counted then.
    let sessions = site.sessions.page(&wanted, None).await?;
    let work = move |conn: &mut DbConnection| {
        let events = log::page(conn, &log::Filter::of_user(id), None, EVENTS)?;
        Ok((people::one(conn, id)?, event_rows(conn, events)?))
    };
    let (person, events) = site.db.run(work).await?;
    Ok(UserPage {
        layout,
        errors: FieldErrors::default(),
        role: person.role.name().to_owned(),
        user: UserRow::new(person, admin),
        reason: String::new(),
        more_sessions: sessions.next.is_some(),
        sessions: sessions.rows.iter().map(|row| AdminSessionRow::new(row, &admin.session.id)).collect(),
        events,
        link: None,
        confirm_href: confirm_href(site, admin, &path(id)),
    })
}
