//! `/admin/users`: everyone with an account, and inviting somebody new.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::filter::UserFields;
use crate::{
    accounts::{
        administer::Actor,
        pages::confirm,
        password_links::{self, Link},
    },
    admin::forms::InviteForm,
    app::Site,
    error::Error,
    layout::Layout,
    security::{Client, random_url_safe},
    sessions::Administrator,
    users::{
        NewUser, Role,
        list::{self, Person},
        tokens,
    },
    web::{Chip, FieldErrors, Form, Moment, grouped, html},
};

/// Rows on one page.
pub const PAGE: i64 = 50;

/// How far matches are counted.
const MOST: i64 = 10_000;

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UsersPage {
    layout: Layout,
    errors: FieldErrors,
    fields: UserFields,
    chips: Vec<Chip>,
    total: i64,
    total_text: String,
    rows: Vec<UserRow>,
    first_page: Option<String>,
    next_page: Option<String>,
    invitation: InviteForm,
    invitation_errors: FieldErrors,
    link: Option<LinkPanel>,
    confirm_href: Option<String>,
}

/// A user as an administrator sees them.
pub struct UserRow {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub is_admin: bool,
    pub state: &'static str,
    pub this_is_you: bool,
    pub sessions: String,
    pub last_sign_in: Option<Moment>,
    pub member_since: Moment,
}

impl UserRow {
    /// The row as that administrator sees it.
    pub fn new(person: Person, admin: &Administrator) -> Self {
        Self {
            this_is_you: person.id == admin.id,
            id: person.id,
            name: person.name,
            email: person.email,
            is_admin: person.role == Role::Admin,
            state: person.state.name(),
            sessions: grouped(person.sessions),
            last_sign_in: person.last_login_at.map(Moment::new),
            member_since: Moment::new(person.created_at),
        }
    }
}

/// A one-time link, on the only page that ever shows it.
pub struct LinkPanel {
    pub name: String,
    pub email: String,
    pub href: String,
    pub invitation: bool,
    pub lifetime: &'static str,
}

impl LinkPanel {
    /// The panel for a link that was just made.
    pub fn new(site: &Site, link: Link) -> Self {
        Self {
            href: tokens::link(&site.config.server.base_url, &link.token),
            name: link.user.name,
            email: link.user.email,
            invitation: link.purpose == tokens::Purpose::Invite,
            lifetime: link.purpose.lifetime_in_words(),
        }
    }
}

/// Where to confirm the password before the forms of a page can be sent; `None`: that was done lately.
pub fn confirm_href(site: &Site, admin: &Administrator, page: &str) -> Option<String> {
    let confirmed = admin.session.is_confirmed(site.config.accounts.confirm_ttl);
    (!confirmed).then(|| confirm::href(page))
}

/// `GET /admin/users`
pub async fn show(
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    query: web::Query<UserFields>,
) -> Result<HttpResponse, Error> {
    let (status, page) = page(&site, layout, &admin, query.into_inner()).await?;
    Ok(html(status, &page))
}

/// `POST /admin/users`: makes the account, also where registration is closed, and shows its link this once.
pub async fn invite(
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    form: Form<InviteForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let by = Actor::administrator(&admin, client);
    let mut link = None;
    if errors.is_empty() {
        let new = NewUser {
            name: values.name.trim().to_owned(),
            email: values.email.trim().to_owned(),
            // Nobody knows what fits it.
            password_hash: site.passwords.hash(random_url_safe::<32>()).await?,
            role: Role::parse(&values.role).unwrap_or(Role::User),
        };
        match password_links::invite(&site.db, new, by).await {
            Ok(made) => link = Some(LinkPanel::new(&site, made)),
            Err(error) if error.is_unique_violation() => {
                errors.add("email", "An account with this address exists already. Look for it in the list.");
            }
            Err(error) => return Err(error),
        }
    } else {
        site.db.run(move |conn| by.check(conn)).await?;
    }
    let (_, page) = page(&site, layout, &admin, UserFields::default()).await?;
    Ok(match link {
        Some(link) => html(StatusCode::CREATED, &UsersPage { link: Some(link), ..page }),
        None => {
            let page = UsersPage { invitation: values, invitation_errors: errors, ..page };
            html(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    })
}

async fn page(
    site: &Site,
    layout: Layout,
    admin: &Administrator,
    fields: UserFields,
) -> Result<(StatusCode, UsersPage), Error> {
    let (status, errors, mut found, total) = match fields.read() {
        Ok(wanted) => {
            let work = move |conn: &mut _| {
                let found = list::page(conn, &wanted.filter, wanted.after, PAGE + 1)?;
                Ok((found, list::count(conn, &wanted.filter, MOST + 1)?))
            };
            let (found, total) = site.db.patient().run(work).await?;
            (StatusCode::OK, FieldErrors::default(), found, total)
        }
        Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors, Vec::new(), 0),
    };
    let page_size = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = found.len() > page_size;
    found.truncate(page_size);
    let next = found.last().filter(|_| more).map(|last| fields.href(Some(last.id)));
    let total_text = if total > MOST { format!("More than {}", grouped(MOST)) } else { grouped(total) };
    let page = UsersPage {
        layout,
        errors,
        chips: fields.address().chips(),
        total,
        total_text,
        rows: found.into_iter().map(|person| UserRow::new(person, admin)).collect(),
        first_page: (!fields.after.is_empty()).then(|| fields.href(None)),
        next_page: next,
        confirm_href: confirm_href(site, admin, &fields.href(None)),
        fields,
        invitation: InviteForm { role: Role::User.name().to_owned(), ..InviteForm::default() },
        invitation_errors: FieldErrors::default(),
        link: None,
    };
    Ok((status, page))
}
