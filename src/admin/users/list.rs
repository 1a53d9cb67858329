//! `/admin/users`: everyone with an account, and inviting somebody new.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::filter::UserFields;
use crate::{
    accounts::{Accounts, Actor, Link, ListedUser, NewInvitation, pages::confirm},
    admin::forms::InviteForm,
    config::Config,
    error::Error,
    layout::Layout,
    security::Client,
    sessions::Administrator,
    users::{
        Role,
        tokens::{self, TokenPurpose},
    },
    web::{Chip, FieldErrors, Form, Moment, grouped, html},
};

/// Rows on one page.
pub const PAGE_SIZE: i64 = 50;

/// How far matches are counted.
const COUNTED: i64 = 10_000;

#[derive(Template)]
#[template(path = "admin/users/list.html")]
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
    pub fn new(listed: ListedUser, admin: &Administrator) -> Self {
        let ListedUser { user, active_sessions } = listed;
        Self {
            this_is_you: user.id == admin.id,
            id: user.id,
            name: user.name,
            email: user.email,
            is_admin: user.role == Role::Admin,
            state: user.state.name(),
            sessions: grouped(active_sessions),
            last_sign_in: user.last_login_at.map(Moment::new),
            member_since: Moment::new(user.created_at),
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
    pub fn new(config: &Config, link: Link) -> Self {
        Self {
            href: config.server.href(&tokens::path(&link.token)),
            name: link.user.name,
            email: link.user.email,
            invitation: link.purpose == TokenPurpose::Invite,
            lifetime: link.purpose.lifetime_in_words(),
        }
    }
}

/// Where to confirm the password before the forms of a page can be sent; `None`: that was done lately.
pub fn confirm_href(accounts: &Accounts, admin: &Administrator, page: &str) -> Option<String> {
    let confirmed = admin.session.is_confirmed(accounts.rules().confirm_ttl);
    (!confirmed).then(|| confirm::href(page))
}

/// `GET /admin/users`
pub async fn show(
    accounts: web::Data<Accounts>,
    layout: Layout,
    admin: Administrator,
    query: web::Query<UserFields>,
) -> Result<HttpResponse, Error> {
    let (status, page) = UsersPage::read(&accounts, layout, &admin, query.into_inner()).await?;
    Ok(html(status, &page))
}

/// `POST /admin/users`: makes the account, even where registration is closed, and shows its link this once.
pub async fn invite(
    accounts: web::Data<Accounts>,
    config: web::Data<Config>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    form: Form<InviteForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let by = Actor::administrator(&admin, client);
    let mut link = None;
    match Role::parse(&values.role).filter(|_| errors.is_empty()) {
        Some(role) => {
            let new = NewInvitation { name: values.name.clone(), email: values.email.clone(), role };
            link = accounts.invite(new, by).await?.map(|link| LinkPanel::new(&config, link));
            if link.is_none() {
                errors.add("email", "An account with this address exists already. Look for it in the list.");
            }
        }
        None => accounts.check_actor(by).await?,
    }
    let (_, page) = UsersPage::read(&accounts, layout, &admin, UserFields::default()).await?;
    if link.is_some() {
        return Ok(html(StatusCode::CREATED, &UsersPage { link, ..page }));
    }
    let page = UsersPage { invitation: values, invitation_errors: errors, ..page };
    Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

impl UsersPage {
    async fn read(
        accounts: &Accounts,
        layout: Layout,
        admin: &Administrator,
        fields: UserFields,
    ) -> Result<(StatusCode, Self), Error> {
        let (status, errors, mut found, total) = match fields.read() {
            Ok(query) => {
                let (found, total) =
                    accounts.list(query.filter, query.after, PAGE_SIZE + 1, COUNTED + 1).await?;
                (StatusCode::OK, FieldErrors::default(), found, total)
            }
            Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors, Vec::new(), 0),
        };
        let page_size = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
        let more = found.len() > page_size;
        found.truncate(page_size);
        let page = Self {
            layout,
            errors,
            chips: fields.address().chips(),
            total,
            total_text: if total > COUNTED {
                format!("More than {}", grouped(COUNTED))
            } else {
                grouped(total)
            },
            next_page: found.last().filter(|_| more).map(|last| fields.href(Some(last.user.id))),
            rows: found.into_iter().map(|listed| UserRow::new(listed, admin)).collect(),
            first_page: (!fields.after.is_empty()).then(|| fields.href(None)),
            confirm_href: confirm_href(accounts, admin, &fields.href(None)),
            fields,
            invitation: InviteForm { role: Role::User.name().to_owned(), ..InviteForm::default() },
            invitation_errors: FieldErrors::default(),
            link: None,
        };
        Ok((status, page))
    }
}
