//! `/.gatehouse/sign-out` at a site with a cookie of its own: the page to sign out on. The session ends, and with it whoever it was
//! known as at every other site.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use crate::{
    accounts::service::Accounts,
    config::{Config, Site},
    error::Error,
    layout::{Layout, see_other},
    security::{Client, site},
    sessions::CurrentUser,
    web::{cookies, html},
};

#[derive(Template)]
#[template(path = "accounts/site_sign_out.html")]
struct SiteSignOutPage {
    layout: Layout,
    site: String,
    /// Where the session is from.
    home: String,
    /// The name and the session of whoever is signed in.
    user: Option<(String, String)>,
}

/// `GET /.gatehouse/sign-out`: the button, or, once it was pressed, that nobody is signed in.
///
/// # Errors
/// As [`CurrentUser::find`].
pub async fn show(req: HttpRequest, config: Data<Config>) -> Result<HttpResponse, Error> {
    let user = CurrentUser::find(&req).await?.map(|user| (user.name.clone(), user.session.id.clone()));
    let page = SiteSignOutPage {
        layout: Layout::at_site(&config, req.path()),
        site: at(&req, &config)?.to_string(),
        home: config.server.base_url.origin().ascii_serialization(),
        user,
    };
    Ok(html(StatusCode::OK, &page))
}

/// `POST /.gatehouse/sign-out`: ends the session. Whoever is signed out already gets the same answer.
///
/// # Errors
/// As [`CurrentUser::find`] and [`Accounts::sign_out`].
pub async fn submit(
    req: HttpRequest,
    config: Data<Config>,
    accounts: Data<Accounts>,
    client: Client,
) -> Result<HttpResponse, Error> {
    let site = at(&req, &config)?;
    if let Some(user) = CurrentUser::find(&req).await? {
        accounts.sign_out(&req, &user, client).await?;
    }
    let mut response = see_other(req.path(), None);
    cookies::append(response.headers_mut(), &cookies::removal_at_site(&site, "site"));
    Ok(response)
}

fn at(req: &HttpRequest, config: &Config) -> Result<Site, Error> {
    site::of(&config.server, req.head()).ok_or(Error::NotFound)
}
