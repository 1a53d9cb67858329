//! `/profile`: see and change one's own account.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use diesel::prelude::*;

use super::forms::{NameForm, PasswordForm, check_new_password};
use crate::{
    accounts::administer::forget,
    app::Site,
    db::{now, schema::users},
    error::Error,
    events::{Event, Kind},
    layout::Layout,
    security::Client,
    sessions::{CurrentUser, EndReason, Ending, Which, catalogue::rows},
    users::{User, password::Verdict},
    web::{FieldErrors, Flash, Form, Moment, html, see_other},
};

#[derive(Template)]
#[template(path = "accounts/profile.html")]
pub(crate) struct ProfilePage {
    layout: Layout,
    email: String,
    role: String,
    member_since: Moment,
    last_sign_in: Option<Moment>,
    name: String,
    name_errors: FieldErrors,
    password_errors: FieldErrors,
    delete_errors: FieldErrors,
    min_length: usize,
}

impl ProfilePage {
    pub(crate) fn new(site: &Site, layout: Layout, user: &CurrentUser) -> Self {
        Self {
            layout,
            email: user.email.clone(),
            role: user.role.name().to_owned(),
            member_since: Moment::new(user.created_at),
            last_sign_in: user.last_login_at.map(Moment::new),
            name: user.name.clone(),
            name_errors: FieldErrors::default(),
            password_errors: FieldErrors::default(),
            delete_errors: FieldErrors::default(),
            min_length: site.config.accounts.password_min_length,
        }
    }

    /// The page after a deletion that was refused.
    pub(crate) fn not_deleted(self, delete_errors: FieldErrors) -> HttpResponse {
        Self { delete_errors, ..self }.refused()
    }

    fn refused(self) -> HttpResponse {
        html(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }
}

/// `GET /profile`
pub async fn show(site: web::Data<Site>, layout: Layout, user: CurrentUser) -> HttpResponse {
    html(StatusCode::OK, &ProfilePage::new(&site, layout, &user))
}

/// `POST /profile`
pub async fn change_name(
    site: web::Data<Site>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<NameForm>,
) -> Result<HttpResponse, Error> {
    if !form.errors.is_empty() {
        let page = ProfilePage::new(&site, layout, &user);
        return Ok(ProfilePage { name: form.values.name, name_errors: form.errors, ..page }.refused());
    }
    let name = form.values.name.trim().to_owned();
    site.db
        .transaction(move |conn| {
            if !rows::is_live(conn, &user.session.id)? {
                return Err(Error::SignInFirst);
            }
            diesel::update(users::table.find(user.id))
                .set((users::name.eq(name), users::updated_at.eq(now())))
                .execute(conn)?;
            Event::new(Kind::NameChanged, Some(user.id))
                .session(&user.session.id)
                .from(Some(&client))
                .write(conn)
        })
        .await?;
    Ok(see_other(&site.config, "/profile", Some(Flash::NameChanged)))
}

/// `POST /profile/password`: ends all other sessions and gives this one a new key.
pub async fn change_password(
    req: HttpRequest,
    site: web::Data<Site>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<PasswordForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let proven = check_current_password(&site, &user, &values.current_password, &mut errors).await?;
    check_new_password(
        &mut errors,
        &values.password,
        &values.password_confirmation,
        site.config.accounts.password_min_length,
        &[&user.name, &user.email],
    );
    if !errors.is_empty() {
        let page = ProfilePage::new(&site, layout, &user);
        return Ok(ProfilePage { password_errors: errors, ..page }.refused());
    }
    let hash = site.passwords.hash(values.password).await?;
    site.sessions.check_room().await?;
    let in_store = site.sessions.has_entries();
    let (epoch, ended) = site
        .db
        .transaction(move |conn| {
            let epoch = User::change_password(conn, user.id, &proven, &hash)?.ok_or(Error::SignInFirst)?;
            if !rows::is_live(conn, &user.session.id)? {
                return Err(Error::SignInFirst);
            }
            let event = Event::new(Kind::PasswordChanged, Some(user.id)).session(&user.session.id);
            event.from(Some(&client)).write(conn)?;
            let which = Which::AllBut { user: user.id, keep: user.session.id };
            let by = Some(user.id);
            let ending = Ending { reason: EndReason::PasswordChanged, by, note: None, client: Some(client) };
            Ok((epoch, rows::end(conn, &which, &ending, in_store)?))
        })
        .await?;
    let ends = forget(&site.sessions, &ended).await;
    site.sessions.keep(&req, epoch)?;
    site.sessions.rotate(&req);
    Ok(see_other(&site.config, "/profile", Some(Flash::PasswordChanged(ends))))
}

/// Notes a wrong password in `errors`; the result is the hash that it was checked against.
pub(crate) async fn check_current_password(
    site: &Site,
    user: &CurrentUser,
    password: &str,
    errors: &mut FieldErrors,
) -> Result<String, Error> {
    let id = user.id;
    let hash = site.db.run(move |conn| Ok(User::by_id(conn, id)?.password_hash)).await?;
    if !errors.has("current_password")
        && site.passwords.verify(password.to_owned(), Some(hash.clone())).await? == Verdict::Wrong
    {
        errors.add("current_password", "That is not your current password.");
    }
    Ok(hash)
}
