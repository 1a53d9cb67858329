//! The time zone in which the reader of a page counts days.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::cookies::{self, SiteCookie};
use crate::{clock::Zone, config::Config, error::Error, state::shared};

/// The zone that the reader's browser has told (`static/app.js`), or that of the site.
#[derive(Debug, Clone)]
pub struct ReaderZone(pub Zone);

impl FromRequest for ReaderZone {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let zone = |config: &Config| {
            let name = SiteCookie::Zone.name(&config.server);
            let told = cookies::values(req.headers(), name).find_map(Zone::named);
            Self(told.unwrap_or_else(|| config.site.zone.clone()))
        };
        ready(shared::<Config>(req).map(|config| zone(config)))
    }
}
