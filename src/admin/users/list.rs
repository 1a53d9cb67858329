//! `/admin/users`: the list of users, and the form that invites a new one.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::filter::UserFields;
use crate::{
    accounts::{Accounts, Actor, Link, ListedUser, NewInvitation},
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
    web::{Chip, FieldErrors, Form, Moment, Page, Query, ROWS_TO_READ, grouped, html},
};

/// Users are counted up to here.
const COUNT_LIMIT: i64 = 10_000;

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
}

/// A user as administrators see them.
pub struct UserRow {
    /// The user's id.
    pub id: i64,
    /// The user's name.
    pub name: String,
    /// The user's address, as typed.
    pub email: String,
    /// Whether it was proven that the address is the user's.
    pub email_confirmed: bool,
    /// The address that is to take its place once it is confirmed.
    pub pending_email: Option<String>,
    /// The user whose address this is another form of, if there is one.
    pub same_address_as: Option<i64>,
    /// Whether the user is an administrator.
    pub is_admin: bool,
    /// Whether the site requires a second factor of the user, who has none.
    pub lacks_second_factor: bool,
    /// When somebody else last presented a key of a session of theirs.
    pub key_stolen: Option<Moment>,
    /// `active`, `invited` or `deactivated`.
    pub state: &'static str,
    /// Whether it is the administrator who requests the page.
    pub this_is_you: bool,
    /// How many active sessions the user has.
    pub sessions: String,
    /// When the user last signed in; `None`: never.
    pub last_sign_in: Option<Moment>,
    /// When the account was made.
    pub member_since: Moment,
}

impl UserRow {
    /// The row as shown to that administrator.
    pub fn new(listed: ListedUser, admin: &Administrator) -> Self {
        let ListedUser { user, active_sessions, key_stolen_at, lacks_second_factor } = listed;
        Self {
            this_is_you: user.id == admin.id,
            id: user.id,
            name: user.name,
            email: user.email,
            email_confirmed: user.email_confirmed,
            pending_email: user.pending_email,
            same_address_as: user.same_address_as,
            is_admin: user.role == Role::Admin,
            lacks_second_factor,
            key_stolen: key_stolen_at.map(Moment::new),
            state: user.state.name(),
            sessions: grouped(active_sessions),
            last_sign_in: user.last_login_at.map(Moment::new),
            member_since: Moment::new(user.created_at),
        }
    }
}

/// A one-time link, on the only page that ever shows it.
pub struct LinkPanel {
    /// The user's name.
    pub name: String,
    /// The user's address.
    pub email: String,
    /// The link's URL.
    pub href: String,
    /// Whether it is an invitation; otherwise it resets a password.
    pub invitation: bool,
    /// How long it is valid, in words.
    pub lifetime: &'static str,
}

impl LinkPanel {
    /// The panel for a link that was just issued.
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

/// `GET /admin/users`
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub async fn show(
    accounts: web::Data<Accounts>,
    layout: Layout,
    admin: Administrator,
    query: Query<UserFields>,
) -> Result<HttpResponse, Error> {
    let (status, page) = UsersPage::read(&accounts, layout, &admin, query.into_inner()).await?;
    Ok(html(status, &page))
}

/// `POST /admin/users`: makes the account, even where registration is closed, and shows its one-time link; no other page does.
///
/// # Errors
/// As [`Accounts::invite`], and as [`show`].
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
        let (status, errors, users, total) = match fields.read() {
            Ok(query) => {
                let (users, total) =
                    accounts.list(query.filter, query.after, ROWS_TO_READ, COUNT_LIMIT + 1).await?;
                (StatusCode::OK, FieldErrors::default(), Page::new(users, |listed| listed.user.id), total)
            }
            Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors, Page::default(), 0),
        };
        let page = Self {
            layout,
            errors,
            chips: fields.address().chips(),
            total,
            total_text: if total > COUNT_LIMIT {
                format!("More than {}", grouped(COUNT_LIMIT))
            } else {
                grouped(total)
            },
            next_page: users.next.map(|id| fields.href(Some(id))),
            rows: users.rows.into_iter().map(|listed| UserRow::new(listed, admin)).collect(),
            first_page: (!fields.after.is_empty()).then(|| fields.href(None)),
            fields,
            invitation: InviteForm { role: Role::User.name().to_owned(), ..InviteForm::default() },
            invitation_errors: FieldErrors::default(),
            link: None,
        };
        Ok((status, page))
    }
}
