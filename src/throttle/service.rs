//! The service: whether an attempt may be made now.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::HttpRequest;
use prometheus_client::registry::Registry;

use super::{
    attempt::Attempt,
    known_browser::KnownBrowsers,
    limits::{Limits, Store},
    local_counts::LocalCounts,
    policy::Kind,
    redis_counts::RedisCommands,
    sql_counts,
    subject::{Key, Subjects},
};
use crate::{
    config::{Config, Tripwire},
    db::Db,
    error::Error,
    security::Client,
    telemetry::metrics::Counts,
    users::User,
};

/// How long an attempt waits until others at the same time are through.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Between two looks whether they are.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Between two deletions of old counts.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Limits attempts, and knows browsers that have signed in before; cheap to clone.
#[derive(Clone)]
pub struct Throttle {
    /// `None`: everything is let through (`THROTTLE=off`).
    limits: Option<Arc<Limits>>,
    /// `None`: neither the limits, nor notices of new browsers, nor the tripwire need to know them.
    browsers: Option<Arc<KnownBrowsers>>,
}

impl Throttle {
    /// The limits of this site; `redis`: where there is one.
    pub fn new(config: &Config, db: Db, redis: Option<Arc<dyn RedisCommands>>) -> Self {
        let subjects = Arc::new(Subjects::new(&config.session.secret));
        let watches_keys = config.session.tripwire != Tripwire::Off;
        let needs_browsers = config.accounts.throttle || config.accounts.notices || watches_keys;
        let browsers = needs_browsers.then(|| Arc::new(KnownBrowsers::new(config, Arc::clone(&subjects))));
        let limits = config.accounts.throttle.then(|| {
            let store = redis.map_or(Store::Sql(db), Store::Redis);
            Arc::new(Limits { local: LocalCounts::new(), subjects, store, refused: Counts::default() })
        });
        Self { limits, browsers }
    }

    /// Begins a sign-in with an address that this account has, if it has one. A browser that has signed in to the account before
    /// has a count of its own, until the password is changed.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn sign_in(
        &self,
        req: &HttpRequest,
        email: &str,
        account: Option<&User>,
        client: &Client,
    ) -> Result<Attempt, Error> {
        let browser = account.and_then(|user| self.browsers.as_ref()?.key(req, user));
        self.begin(|limits| {
            if let Some(browser) = browser {
                return vec![browser];
            }
            let subjects = &limits.subjects;
            let of = account.map_or_else(|| subjects.address(email), |user| subjects.account(user.id));
            vec![of, subjects.network(Kind::SignIns, client)]
        })
        .await
    }

    /// Begins the second step of a sign-in, or another check of a code. A browser that has signed in to the account before has a
    /// count of its own, as for the first step.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn second_step(
        &self,
        req: &HttpRequest,
        account: &User,
        client: &Client,
    ) -> Result<Attempt, Error> {
        let browser = self.browsers.as_ref().and_then(|browsers| browsers.key(req, account));
        self.begin(|limits| match browser {
            Some(browser) => vec![browser],
            None => vec![
                limits.subjects.user(Kind::SecondSteps, account.id),
                limits.subjects.network(Kind::SignIns, client),
            ],
        })
        .await
    }

    /// Begins a sign-in with a passkey, of this account if it is known. A browser that has signed in to the account before has a
    /// count of its own, as for passwords.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn passkey(
        &self,
        req: &HttpRequest,
        account: Option<&User>,
        client: &Client,
    ) -> Result<Attempt, Error> {
        let browser = account.and_then(|user| self.browsers.as_ref()?.key(req, user));
        let network = |limits: &Limits| limits.subjects.network(Kind::SignIns, client);
        self.begin(|limits| vec![browser.unwrap_or_else(|| network(limits))]).await
    }

    /// Begins a check of the password in a session.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn password_again(&self, session: &str, client: &Client) -> Result<Attempt, Error> {
        self.begin(|limits| {
            let network = limits.subjects.network(Kind::Confirmations, client);
            vec![limits.subjects.session(session), network]
        })
        .await
    }

    /// Begins a registration; each one counts, whatever becomes of it.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn registration(&self, client: &Client) -> Result<Attempt, Error> {
        self.begin(|limits| vec![limits.subjects.network(Kind::Registrations, client)]).await
    }

    /// Begins a request of a link for a forgotten password; each one counts, whatever becomes of it.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn forgotten(&self, client: &Client) -> Result<Attempt, Error> {
        self.begin(|limits| vec![limits.subjects.network(Kind::Forgotten, client)]).await
    }

    /// Begins a registration after which a mail goes to the address, whoever has it; each one counts.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn registration_by_mail(&self, email: &str, client: &Client) -> Result<Attempt, Error> {
        self.begin(|limits| {
            let network = limits.subjects.network(Kind::Registrations, client);
            vec![network, limits.subjects.address_mails_to(email)]
        })
        .await
    }

    /// Begins to send a mail that a user has asked for, to confirm an address; each one counts.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn address_mail(&self, user: i64, email: &str, client: &Client) -> Result<Attempt, Error> {
        self.begin(|limits| {
            let network = limits.subjects.network(Kind::AddressMails, client);
            vec![network, limits.subjects.address_mails_of(user), limits.subjects.address_mails_to(email)]
        })
        .await
    }

    /// Begins to count a one-time link that is not valid.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn link(&self, client: &Client) -> Result<Attempt, Error> {
        self.begin(|limits| vec![limits.subjects.network(Kind::Links, client)]).await
    }

    /// Begins to count a proof of a device's key that is wrong.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn proof(&self, client: &Client) -> Result<Attempt, Error> {
        self.begin(|limits| vec![limits.subjects.network(Kind::Proofs, client)]).await
    }

    /// Begins what a user changes or confirms; each one counts, since each is recorded.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn change(&self, user: i64) -> Result<Attempt, Error> {
        self.begin(|limits| vec![limits.subjects.user(Kind::Changes, user)]).await
    }

    /// Begins a session of a user who has given the right password; each one counts.
    ///
    /// # Errors
    /// [`Error::Throttled`] when it has to wait.
    pub async fn session(&self, user: i64) -> Result<Attempt, Error> {
        self.begin(|limits| vec![limits.subjects.user(Kind::Sessions, user)]).await
    }

    async fn begin(&self, keys: impl FnOnce(&Limits) -> Vec<Key>) -> Result<Attempt, Error> {
        let Some(limits) = &self.limits else { return Ok(Attempt::unlimited()) };
        let keys = keys(limits);
        let start = Instant::now();
        while !limits.local.begin(&keys) {
            if let Some(refusal) = limits.known_wait(&keys) {
                return Err(refusal);
            }
            if start.elapsed() > MAX_WAIT {
                return Err(limits.refuse(keys[0].kind, 0, Duration::ZERO));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        // From here on the attempt ends what has begun, also when it is refused or given up.
        let mut attempt = Attempt::under_way(Arc::clone(limits), keys);
        attempt.failures = limits.admit(attempt.keys()).await?;
        Ok(attempt)
    }

    /// Where a sign-in to this account comes from, if its browser is new: it has not signed in to the account before, or not since
    /// the password was changed. Two sign-ins of one network and one program come from the same place. `None`: the browser is known.
    pub fn new_origin(&self, req: &HttpRequest, account: &User, client: &Client) -> Option<String> {
        let browsers = self.browsers.as_ref()?;
        browsers.key(req, account).is_none().then(|| browsers.origin(client))
    }

    /// Whether the browser of the request has signed in to an account before, also before its password was changed.
    pub fn has_known_browser(&self, req: &HttpRequest, account: i64, epoch: i64) -> bool {
        self.browsers.as_ref().is_some_and(|browsers| browsers.has_known(req, account, epoch))
    }

    /// Lets the browser of the request be known for the account from now on, until its `session_epoch` is raised.
    ///
    /// # Errors
    /// [`Error::Internal`] when the operating system has no random numbers.
    pub fn remember_browser(&self, req: &HttpRequest, account: i64, epoch: i64) -> Result<(), Error> {
        self.browsers.as_ref().map_or(Ok(()), |browsers| browsers.remember(req, account, epoch))
    }

    /// Forgets what strangers have tried for an account, which has a new password or is gone.
    pub async fn forget_account(&self, id: i64) {
        if let Some(limits) = &self.limits {
            limits.forget(limits.subjects.account(id)).await;
        }
    }

    /// Registers how many attempts were refused.
    pub fn register_metrics(&self, registry: &mut Registry) {
        if let Some(limits) = &self.limits {
            let help = "Attempts that had to wait, by what was counted";
            let kinds = Kind::ALL.map(|kind| [("kind", kind.name())]);
            limits.refused.register(registry, "throttle_refused", help, kinds);
        }
    }

    /// Deletes old counts for as long as it is polled; Redis does so by itself.
    pub async fn sweep(self) {
        let Some(Limits { store: Store::Sql(db), .. }) = self.limits.as_deref() else { return };
        loop {
            match db.run(sql_counts::delete_old).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(error = ?error.causes(), "old counts of failures are left for now")
                }
            }
            tokio::time::sleep(SWEEP_INTERVAL).await;
        }
    }
}
