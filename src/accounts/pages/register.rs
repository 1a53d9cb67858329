//! `/register`: makes an account and signs its user in.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    forms::{RegisterForm, check_new_password},
    login::{NextQuery, next_or_profile},
};
use crate::{
    app::Site,
    error::Error,
    events::{Event, Kind},
    layout::Layout,
    security::Client,
    users::{NewUser, Role, User},
    web::{FieldErrors, Flash, Form, form_page, html, see_other},
};

#[derive(Template)]
#[template(path = "accounts/register.html")]
struct RegisterPage {
    layout: Layout,
    errors: FieldErrors,
    name: String,
    email: String,
    next: String,
    min_length: usize,
    open: bool,
}

impl RegisterPage {
    fn new(site: &Site, layout: Layout, values: RegisterForm, errors: FieldErrors) -> Self {
        Self {
            layout,
            errors,
            name: values.name,
            email: values.email,
            next: values.next,
            min_length: site.config.accounts.password_min_length,
            open: site.config.accounts.registration_open,
        }
    }
}

/// `GET /register`
pub async fn show(site: web::Data<Site>, layout: Layout, query: web::Query<NextQuery>) -> HttpResponse {
    let values = RegisterForm { next: query.into_inner().next, ..RegisterForm::default() };
    html(StatusCode::OK, &RegisterPage::new(&site, layout, values, FieldErrors::default()))
}

/// `POST /register`
pub async fn submit(
    req: HttpRequest,
    site: web::Data<Site>,
    layout: Layout,
    client: Client,
    form: Form<RegisterForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    if !site.config.accounts.registration_open {
        return Ok(html(
            StatusCode::FORBIDDEN,
            &RegisterPage::new(&site, layout, RegisterForm::default(), errors),
        ));
    }
    check_new_password(
        &mut errors,
        &values.password,
        &values.password_confirmation,
        site.config.accounts.password_min_length,
        &[&values.name, &values.email],
    );
    if !errors.is_empty() {
        return Ok(form_page(&RegisterPage::new(&site, layout, values, errors.clone()), &errors));
    }
    // An account without the session that follows would meet its own user as "exists already" on the next try.
    site.sessions.check().await?;
    let new = NewUser {
        name: values.name.trim().to_owned(),
        email: values.email.trim().to_owned(),
        password_hash: site.passwords.hash(values.password.clone()).await?,
        role: Role::User,
    };
    match create(&site, new, client.clone()).await {
        Ok(user) => {
            site.sessions.start(&req, &user, false, client).await?;
            Ok(see_other(&site.config, &next_or_profile(&values.next), Some(Flash::Welcome)))
        }
        Err(error) if error.is_unique_violation() => {
            errors.add(
                "email",
                "An account with this address exists already. Sign in, or use another address.",
            );
            Ok(form_page(&RegisterPage::new(&site, layout, values, errors.clone()), &errors))
        }
        Err(error) => Err(error),
    }
}

async fn create(site: &Site, new: NewUser, client: Client) -> Result<User, Error> {
    site.db
        .transaction(move |conn| {
            let user = User::create(conn, &new)?;
            Event::new(Kind::Registered, Some(user.id)).from(Some(&client)).write(conn)?;
            Ok(user)
        })
        .await
}
