//! All links of a process, and the connections of actix-session's store.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use redis::ConnectionAddr;

use super::{actix_store::ActixStores, link::Link, servers::Servers};

/// How often the sentinels are asked whether the links still lead to the master.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// All links of a process and the connections of actix-session's store. They lead to the same server, or to the same cluster.
pub(super) struct Links {
    pub(super) actix_stores: Arc<ActixStores>,
    links: Mutex<Vec<Weak<Link>>>,
}

impl Links {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { actix_stores: Arc::new(ActixStores::new(timeout)), links: Mutex::default() }
    }

    /// Starts the link that all threads share.
    pub(super) fn start_shared(&self, servers: &Arc<Servers>) -> Arc<Link> {
        self.added(Link::start(servers, Some(Arc::clone(&self.actix_stores))))
    }

    /// Starts a link of the calling thread.
    pub(super) fn start(&self, servers: &Arc<Servers>) -> Arc<Link> {
        self.added(Link::start(servers, None))
    }

    fn added(&self, link: Arc<Link>) -> Arc<Link> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&link));
        link
    }

    /// Gives every connection up, since one of them has shown that the server is not the right one any more.
    pub(super) fn give_up(&self) {
        self.actix_stores.drop_idle();
        self.give_up_where(|_| true);
    }

    /// Gives up the connections that do not lead to the master. Returns whether all did.
    pub(super) fn keep_those_to(&self, master: &ConnectionAddr) -> bool {
        !self.give_up_where(|link| link.server().is_some_and(|server| server != *master))
    }

    fn give_up_where(&self, which: impl Fn(&Link) -> bool) -> bool {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let given_up = links.iter().filter_map(Weak::upgrade).filter(|link| which(link));
        given_up.map(|link| link.drop_current()).count() > 0
    }
}

/// Gives the links up as soon as sentinels know another master. The old one may not know it yet: frozen or cut off for a while, it goes
/// on as before, and what it takes is lost.
pub(super) async fn follow_sentinels(servers: Arc<Servers>, links: Weak<Links>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let master = servers.master().await;
        let Some(links) = links.upgrade() else {
            return;
        };
        if let Ok(Some(master)) = master
            && !links.keep_those_to(&master)
        {
            tracing::warn!(%master, "the sentinels know another Redis as the master");
        }
    }
}
