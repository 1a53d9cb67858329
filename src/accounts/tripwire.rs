//! The tripwire: keys that lead nowhere, presented by somebody else than the browser whose session they are of. Whoever does so has
//! copied them.

use std::time::Duration;

use actix_web::{HttpRequest, rt};

use super::{service::Accounts, stolen_key::StolenKey};
use crate::{
    config::{Config, SameSite},
    error::Error,
    security::{Client, Network, api},
    sessions::{
        PresentedKeys,
        catalogue::{
            device::{Device, may_be_same},
            method::Method,
            stolen_keys::{self, KeyOwner},
        },
    },
    state::shared,
    web::accept::is_of_other_site,
};

/// How long an answer waits for the lookup of its keys, which goes on without it.
const WAIT: Duration = Duration::from_secs(1);

/// Looks whether the keys that a request has brought in vain were stolen. The answer is made already: nothing that happens here changes
/// it.
pub async fn watch(req: &HttpRequest, presented: PresentedKeys) {
    let (Ok(accounts), Ok(config)) = (shared::<Accounts>(req), shared::<Config>(req)) else { return };
    let client = Client::of(req, &config.server.trusted_proxies);
    let by_network = brings_all_cookies(req, &presented);
    if !accounts.watch.seen.note(&presented.store_keys, &client, by_network) {
        return;
    }
    let (accounts, req) = (Accounts::clone(accounts), req.clone());
    let lookup = rt::spawn(async move {
        let is_done = match accounts.watch.lookups.try_acquire() {
            Ok(_permit) => accounts.check_presented(&req, &presented, &client).await,
            Err(_) => Ok(false),
        };
        if let Err(error) = &is_done {
            tracing::warn!(error = ?error.causes(), "whether a key was stolen could not be found out");
        }
        if !matches!(is_done, Ok(true)) {
            accounts.watch.seen.forget(&presented.store_keys, &client, by_network);
        }
    });
    drop(tokio::time::timeout(WAIT, lookup).await);
}

impl Accounts {
    /// Records those of the keys that were stolen. Returns `true` once that is done.
    async fn check_presented(
        &self,
        req: &HttpRequest,
        presented: &PresentedKeys,
        client: &Client,
    ) -> Result<bool, Error> {
        let (keys, unproven) = (presented.store_keys.clone(), presented.is_unproven);
        let user_agent = client.user_agent.clone();
        let found = self
            .db
            .run(move |conn| Ok((stolen_keys::owners(conn, &keys, unproven)?, Device::parse(&user_agent))));
        let (owners, device) = found.await?;
        for (key, owner) in owners {
            if self.is_somebody_else(req, presented, &owner, &device, client) {
                self.record_stolen(StolenKey { key, owner, client: client.clone() }).await?;
            }
        }
        Ok(true)
    }

    /// Whether a client is another one than the browser of a session: another program or system; or in another network, and without
    /// the cookie by which this site knows the browsers of a person. A browser keeps that when its session ends.
    fn is_somebody_else(
        &self,
        req: &HttpRequest,
        presented: &PresentedKeys,
        owner: &KeyOwner,
        device: &Device,
        client: &Client,
    ) -> bool {
        // `gatehouse drill` presents the keys that it has ended.
        if owner.method == Method::Drill {
            return false;
        }
        if !may_be_same((&owner.browser, &owner.os), (&device.browser, &device.os)) {
            return true;
        }
        let is_elsewhere = owner.ip.parse().is_ok_and(|ip| Network::of(ip) != client.network());
        is_elsewhere
            && brings_all_cookies(req, presented)
            && !self.throttle.has_known_browser(req, owner.user, owner.epoch)
    }
}

/// Whether a request would bring the cookie by which its browser is known, if that has one. Clients with tokens have none, proxies ask
/// for pages at hosts that don't get it, and it does not come along with what pages of other sites ask for.
fn brings_all_cookies(req: &HttpRequest, presented: &PresentedKeys) -> bool {
    let comes_along = shared::<Config>(req).is_ok_and(|config| config.session.same_site != SameSite::None)
        || !is_of_other_site(req);
    !presented.by_bearer && req.path() != api::VERIFY && comes_along
}
