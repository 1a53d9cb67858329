//! The account service: the operations on accounts that pages, JSON calls and the command line share. Each is one transaction.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::{key_watch::KeyWatch, link_requests::LinkRequests, sign_in_counts::SignInCounts};
use crate::{
    config::{self, Config},
    db::Db,
    error::Error,
    events::EventSums,
    mail::Outbox,
    security::Client,
    sessions::Sessions,
    throttle::Throttle,
    users::{
        SetUp,
        ceremonies::Ceremonies,
        password::{Passwords, Policy},
        totp::SecondFactorKeys,
    },
};

/// The accounts of the site; cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(super) db: Db,
    pub(super) passwords: Passwords,
    pub(super) sessions: Arc<Sessions>,
    pub(super) throttle: Throttle,
    pub(super) event_sums: Arc<EventSums>,
    pub(super) rules: config::Accounts,
    pub(super) set_up: Arc<SetUp>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) link_requests: Arc<LinkRequests>,
    pub(super) second_factors: Arc<SecondFactorKeys>,
    pub(super) second_factor_policy: config::SecondFactor,
    pub(super) sign_ins: SignInCounts,
    pub(super) ceremonies: Arc<Option<Ceremonies>>,
    pub(super) watch: Arc<KeyWatch>,
}

impl Accounts {
    /// The service over these parts.
    pub fn new(
        db: Db,
        passwords: Passwords,
        sessions: Arc<Sessions>,
        throttle: Throttle,
        config: &Config,
        outbox: Arc<Outbox>,
    ) -> Self {
        Self {
            set_up: Arc::new(SetUp::new(db.clone())),
            db,
            passwords,
            sessions,
            throttle,
            event_sums: Arc::default(),
            rules: config.accounts.clone(),
            second_factors: Arc::new(SecondFactorKeys::new(&config.session.secret)),
            second_factor_policy: config.session.second_factor,
            sign_ins: SignInCounts::default(),
            ceremonies: Arc::new(Ceremonies::new(config)),
            watch: Arc::new(KeyWatch::new(config.session.tripwire)),
            outbox,
            link_requests: Arc::new(LinkRequests::new()),
        }
    }

    /// Who may have an account, and with which password.
    pub fn rules(&self) -> &config::Accounts {
        &self.rules
    }

    /// The limits of guessing and bursts.
    pub fn throttle(&self) -> Throttle {
        self.throttle.clone()
    }

    /// Registers what is counted of sign-ins, passwords, attempts and stolen keys.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.sign_ins.register(registry);
        self.passwords.register_metrics(registry);
        self.throttle.register_metrics(registry);
        self.watch.register(registry);
    }

    /// The rules for new passwords.
    pub fn password_policy(&self) -> Policy {
        Policy { min_length: self.rules.password_min_length, breached: self.rules.breached_passwords.clone() }
    }

    /// The hash of a new password. `about`: the user's name and address, which have been checked.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] when it is not good enough; [`Error::Busy`] when too many passwords wait.
    pub(super) async fn hash_new(
        &self,
        password: String,
        about: [&str; 2],
        from: Option<&Client>,
    ) -> Result<String, Error> {
        // Nobody's password is the name of the site.
        let about = about.into_iter().chain([self.outbox.site()]).map(ToOwned::to_owned).collect();
        self.passwords.hash_new(password, self.password_policy(), about, from).await
    }
}
