//! Requests that were in flight while their session got a new key: the old key signs nobody in, but for a few seconds it is
//! known that the browser has a new one by now, so that nobody is sent to the sign-in page.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
};

use crate::{
    error::Error,
    sessions::{
        catalogue::rotated_keys::{self, Replacement},
        request_context::RequestContext,
        service::{Backend, Sessions},
    },
    web::accept::is_from_script,
};

/// How long a replaced key is told from one that never led anywhere.
const KNOWN_FOR: Duration = Duration::from_secs(5);
/// Shortest and longest wait before a browser is sent to the same address again. The wait grows with the age of the rotation:
/// a browser that never gets the new cookie is redirected fewer times than it takes for a loop.
const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(1);

impl Sessions {
    /// Asks whether a request that is not signed in brought a key that a live session had until a moment ago.
    ///
    /// # Errors
    /// [`Error::KeyRotated`] when it did; [`Error::Unavailable`] when the database can't be read.
    pub(super) async fn check_rotated(&self) -> Result<(), Error> {
        let context = |context: &mut RequestContext| (context.unused_keys(), context.rotated_since);
        let (keys, known) = RequestContext::with(context).unwrap_or_default();
        if known.is_some() {
            return Err(Error::KeyRotated);
        }
        if keys.is_empty() {
            return Ok(());
        }
        let found = self.db.run(move |conn| rotated_keys::replacement(conn, &keys)).await?;
        match found.filter(|found| found.age < KNOWN_FOR) {
            Some(Replacement { age, store_key: Some(new) }) if self.has_entry(&new).await? => {
                RequestContext::with(|context| context.rotated_since = Some(age));
                Err(Error::KeyRotated)
            }
            _ => Ok(()),
        }
    }

    /// Whether a key leads to an entry: one that was deleted in Redis has signed the browser out.
    pub(super) async fn has_entry(&self, store_key: &str) -> Result<bool, Error> {
        match &self.backend {
            Backend::Redis(redis) => Ok(redis.get(store_key).await?.is_some()),
            Backend::Sql => Ok(true),
        }
    }
}

/// Lets the handler answer a request whose key was replaced as it answers one that is not signed in.
pub fn refuse_replaced_key() {
    RequestContext::with(|context| context.rotated_since = None);
}

/// The only response to a request whose key was replaced this long ago: a page is asked for once more at the same address, with
/// the same form; a script is asked to try again.
pub(super) async fn ask_again(req: &HttpRequest, age: Duration) -> HttpResponse {
    if is_from_script(req) {
        return HttpResponse::from_error(Error::KeyRotated);
    }
    tokio::time::sleep(age.clamp(MIN_WAIT, MAX_WAIT)).await;
    let mut response = match req.method().is_safe() {
        true => HttpResponse::SeeOther(),
        false => HttpResponse::TemporaryRedirect(),
    }
    .finish();
    let here =
        HeaderValue::from_str(&same_address(req.uri().path_and_query().map_or("/", |here| here.as_str())));
    match here {
        Ok(here) => drop(response.headers_mut().insert(header::LOCATION, here)),
        Err(_) => return HttpResponse::from_error(Error::KeyRotated),
    }
    response
}

/// The path and query as a relative reference. Two slashes at its start would name another host.
fn same_address(path: &str) -> String {
    let names_host = path.get(1..).is_some_and(|rest| rest.starts_with(['/', '\\']));
    if names_host { format!("/.{path}") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    proptest! {
        #[test]
        fn same_address_stays_on_this_site(rest in "[/\\\\.a-z:@%?]{0,12}") {
            let path = format!("/{rest}");
            let site = Url::parse("https://login.example.org/x").unwrap();
            let there = site.join(&same_address(&path)).unwrap();
            prop_assert_eq!(there.origin(), site.origin(), "{}", there);
        }
    }
}
