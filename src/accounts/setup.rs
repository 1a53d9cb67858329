//! `/setup`: the first administrator, through a one-time link that the first start prints.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use diesel::prelude::*;
use serde::Deserialize;

use super::pages::forms::{SetupForm, check_new_password};
use crate::{
    app::Site,
    config::Config,
    db::{Db, DbConnection, now, schema::tokens},
    error::Error,
    events::{Event, Kind},
    layout::Layout,
    security::{Client, random_url_safe, sha256_hex},
    users::{NewUser, Role, User},
    web::{FieldErrors, Flash, Form, form_page, html, see_other},
};

const PURPOSE: &str = "setup";
const LIFETIME: time::Duration = time::Duration::days(7);

#[derive(Template)]
#[template(path = "accounts/setup.html")]
struct SetupPage {
    layout: Layout,
    errors: FieldErrors,
    token: String,
    name: String,
    email: String,
    min_length: usize,
}

impl SetupPage {
    fn new(site: &Site, layout: Layout, values: SetupForm, errors: FieldErrors) -> Self {
        let min_length = site.config.accounts.password_min_length;
        Self { layout, errors, token: values.token, name: values.name, email: values.email, min_length }
    }
}

/// `?token=` of the link.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TokenQuery {
    /// What the link holds.
    pub token: String,
}

/// The one-time link while there are no users; only the token's hash is kept. A new link replaces the last one.
pub async fn link(db: &Db, config: &Config) -> Result<Option<String>, Error> {
    let token = random_url_safe::<32>();
    let hash = sha256_hex(&token);
    let needed = db.transaction(move |conn| offer(conn, &hash)).await?;
    let base = config.server.base_url.as_str().trim_end_matches('/');
    Ok(needed.then(|| format!("{base}/setup?token={token}")))
}

/// Prints the link. It is not logged: whoever has it becomes the administrator.
pub fn announce(link: Option<&str>) {
    if let Some(link) = link {
        println!(
            "There are no users yet. Make the first administrator here (the link works once):\n\n  {link}\n"
        );
    }
}

fn offer(conn: &mut DbConnection, hash: &str) -> Result<bool, Error> {
    if User::any(conn)? {
        return Ok(false);
    }
    diesel::delete(tokens::table.filter(tokens::purpose.eq(PURPOSE))).execute(conn)?;
    diesel::insert_into(tokens::table)
        .values((
            tokens::token_hash.eq(hash),
            tokens::purpose.eq(PURPOSE),
            tokens::created_at.eq(now()),
            tokens::expires_at.eq(now().saturating_add(LIFETIME)),
        ))
        .execute(conn)?;
    Ok(true)
}

/// Whether the token opens the set-up: known, in time, and still no users.
fn is_open(conn: &mut DbConnection, token: &str) -> Result<bool, Error> {
    let known = tokens::table
        .find(sha256_hex(token))
        .filter(tokens::purpose.eq(PURPOSE))
        .filter(tokens::expires_at.gt(now()));
    Ok(diesel::select(diesel::dsl::exists(known)).get_result::<bool>(conn)? && !User::any(conn)?)
}

/// `GET /setup?token=`
pub async fn show(
    site: web::Data<Site>,
    layout: Layout,
    query: web::Query<TokenQuery>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    let asked = token.clone();
    if !site.db.run(move |conn| is_open(conn, &asked)).await? {
        return Err(Error::NotFound);
    }
    let values = SetupForm { token, ..SetupForm::default() };
    Ok(html(StatusCode::OK, &SetupPage::new(&site, layout, values, FieldErrors::default())))
}

/// `POST /setup`
pub async fn submit(
    req: HttpRequest,
    site: web::Data<Site>,
    layout: Layout,
    client: Client,
    form: Form<SetupForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let asked = values.token.clone();
    if !site.db.run(move |conn| is_open(conn, &asked)).await? {
        return Err(Error::NotFound);
    }
    check_new_password(
        &mut errors,
        &values.password,
        &values.password_confirmation,
        site.config.accounts.password_min_length,
        &[&values.name, &values.email],
    );
    if !errors.is_empty() {
        return Ok(form_page(&SetupPage::new(&site, layout, values, errors.clone()), &errors));
    }
    // The link works once: not for an answer that can't sign the administrator in.
    site.sessions.check().await?;
    let new = NewUser {
        name: values.name.trim().to_owned(),
        email: values.email.trim().to_owned(),
        password_hash: site.passwords.hash(values.password).await?,
        role: Role::Admin,
    };
    let (token, by) = (values.token, client.clone());
    let user = site.db.transaction(move |conn| make_first_administrator(conn, &token, &new, &by)).await?;
    site.sessions.start(&req, &user, false, client).await?;
    Ok(see_other(&site.config, "/admin/sessions", Some(Flash::SetUp)))
}

/// The deleted token is what two set-ups at once compete for.
fn make_first_administrator(
    conn: &mut DbConnection,
    token: &str,
    new: &NewUser,
    client: &Client,
) -> Result<User, Error> {
    let open = is_open(conn, token)?;
    if diesel::delete(tokens::table.find(sha256_hex(token))).execute(conn)? == 0 || !open {
        return Err(Error::NotFound);
    }
    let user = User::create(conn, new)?;
    Event::new(Kind::AdministratorMade, Some(user.id)).from(Some(client)).write(conn)?;
    Ok(user)
}
