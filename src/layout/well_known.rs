//! Addresses that programs know of every site: `/.well-known/…` and `/robots.txt`.

use actix_web::{HttpResponse, http::header::LOCATION, web::Data};
use time::{Duration, Time};

use crate::{clock::now_utc, config::Config, error::Error, sessions::registering_origins, web::rfc3339};

/// How long what `security.txt` says counts: it is written anew each day.
const COUNTS_FOR: Duration = Duration::days(90);

const PLAIN: &str = "text/plain; charset=utf-8";

/// The front page alone is for search engines.
const ROBOTS: &str = "User-agent: *\nAllow: /$\nDisallow: /\n";

/// `GET /.well-known/change-password`: where password managers lead people (W3C, "A Well-Known URL for Changing Passwords").
pub async fn change_password() -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, "/profile#password")).finish()
}

/// `GET /robots.txt` (RFC 9309)
pub async fn robots() -> HttpResponse {
    HttpResponse::Ok().content_type(PLAIN).body(ROBOTS)
}

/// `GET /.well-known/device-bound-sessions`: which hosts may bind sessions of the whole site. Browsers ask the site's main host.
///
/// # Errors
/// [`Error::NotFound`] where sessions are those of one host.
pub async fn device_bound_sessions(config: Data<Config>) -> Result<HttpResponse, Error> {
    let origins = registering_origins(&config).ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().json(origins))
}

/// `GET /.well-known/security.txt` (RFC 9116)
///
/// # Errors
/// [`Error::NotFound`] without `SECURITY_CONTACT`.
pub async fn security(config: Data<Config>) -> Result<HttpResponse, Error> {
    let contacts = &config.site.security_contacts;
    if contacts.is_empty() {
        return Err(Error::NotFound);
    }
    let mut text: String = contacts.iter().map(|contact| format!("Contact: {}\n", contact.href)).collect();
    let expires = now_utc().replace_time(Time::MIDNIGHT).saturating_add(COUNTS_FOR);
    let canonical = config.server.href("/.well-known/security.txt");
    text.push_str(&format!(
        "Expires: {}\nPreferred-Languages: en\nCanonical: {canonical}\n",
        rfc3339(expires)
    ));
    Ok(HttpResponse::Ok().content_type(PLAIN).body(text))
}
