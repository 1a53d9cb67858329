//! What handlers and extractors share.

use std::sync::Arc;

use actix_web::web::{self, Data, ServiceConfig};
use prometheus_client::registry::Registry;

use super::{connections::Room, http_metrics::HttpMetrics};
use crate::{
    accounts::Accounts, clock, config::Config, db::Db, error::Error, gate::first_page, mail::Outbox,
    ops::health::Readiness, security::bodies, sessions::Sessions, throttle::Throttle,
    users::password::Passwords,
};

/// What handlers and extractors share; each part is registered under its own type.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) config: Data<Config>,
    pub(super) db: Data<Db>,
    pub(super) sessions: Data<Sessions>,
    pub(super) outbox: Data<Outbox>,
    pub(super) accounts: Data<Accounts>,
    pub(super) readiness: Data<Readiness>,
    /// The connections of clients.
    pub(super) room: Arc<Room>,
    http_metrics: Data<HttpMetrics>,
}

impl Parts {
    pub(super) async fn new(config: Config) -> Result<Self, Error> {
        first_page::look(&config);
        let db = Db::new(&config.stores.database, config.stores.timeout);
        let sessions = Arc::new(Sessions::new(&config, db.clone()).await?);
        let passwords = Passwords::start()?;
        let throttle = Throttle::new(&config, db.clone(), sessions.redis_commands());
        let outbox = Arc::new(Outbox::new(&config, db.clone()));
        let accounts = Accounts::new(
            db.clone(),
            passwords,
            Arc::clone(&sessions),
            throttle,
            &config,
            Arc::clone(&outbox),
        );
        Ok(Self {
            room: Room::new(&config.server.trusted_proxies),
            config: Data::new(config),
            db: Data::new(db),
            sessions: Data::from(sessions),
            outbox: Data::from(outbox),
            accounts: Data::new(accounts),
            readiness: Data::default(),
            http_metrics: Data::new(HttpMetrics::new()),
        })
    }

    /// Registers what all parts count and measure.
    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        self.room.register(registry);
        self.http_metrics.register(registry);
        self.accounts.register_metrics(registry);
        self.sessions.register_metrics(registry);
        self.outbox.register_metrics(registry);
        self.db.register_metrics(registry);
    }
}

/// Registers the shared parts and the settings of the extractors with the application of this thread, whose pages are in the site's
/// time zone.
pub(super) fn share(app: &mut ServiceConfig, parts: &Parts) {
    clock::render_in(&parts.config.site.zone);
    app.app_data(parts.config.clone())
        .app_data(parts.db.clone())
        .app_data(parts.sessions.clone())
        .app_data(parts.outbox.clone())
        .app_data(parts.accounts.clone())
        .app_data(Data::from(parts.accounts.site_set_up()))
        .app_data(parts.readiness.clone())
        .app_data(parts.http_metrics.clone())
        .app_data(web::PayloadConfig::new(bodies::MAX_BYTES))
        .app_data(web::PathConfig::default().error_handler(|_, _| Error::NotFound.into()));
}
