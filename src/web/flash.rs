//! The flash: what was just done, carried to the next page in a cookie that is removed once shown. A handler leaves it in the
//! response's extensions; the outermost middleware sets the cookie.
//!
//! The cookie holds a serialized value of a closed set, never text: a forged cookie can't make a page show other text.

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    body::BoxBody,
    cookie::{Cookie, time::Duration},
    dev::ServiceResponse,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use super::cookies::{self, SiteCookie};
use crate::config::Server;

/// In the response's extensions: the value of the cookie to set.
struct Pending(String);

/// In the request's extensions: the request's flash was shown.
struct Shown;

/// Leaves the flash in the response for [`finish`].
pub fn put(response: &mut HttpResponse, flash: &impl Serialize) {
    match serde_json::to_vec(flash) {
        Ok(json) => drop(response.extensions_mut().insert(Pending(URL_SAFE_NO_PAD.encode(json)))),
        Err(error) => tracing::error!(%error, "a notice could not be written"),
    }
}

/// The flash that came with a request; it counts as shown from then on.
pub fn take<T: DeserializeOwned>(req: &HttpRequest, server: &Server) -> Option<T> {
    let mut sent = cookies::values(req.headers(), SiteCookie::Notice.name(server));
    let flash = sent.find_map(|value| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok())?;
    req.extensions_mut().insert(Shown);
    Some(flash)
}

/// Sets the cookie of the response's flash, or removes that of a flash that was shown.
pub fn finish(res: &mut ServiceResponse<BoxBody>, server: &Server) {
    let pending = res.response_mut().extensions_mut().remove::<Pending>();
    let shown = res.request().extensions().contains::<Shown>();
    match pending {
        Some(Pending(value)) => cookies::append(res.headers_mut(), &cookie(server, value)),
        None if shown => {
            let mut cookie = cookie(server, String::new());
            cookie.make_removal();
            cookies::append(res.headers_mut(), &cookie);
        }
        None => {}
    }
}

fn cookie(server: &Server, value: String) -> Cookie<'static> {
    let mut cookie = cookies::for_this_host(server, SiteCookie::Notice.name(server), value);
    cookie.set_max_age(Duration::minutes(1));
    cookie
}
