//! The background tasks of one instance, and its messages to the others.

use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc;

use super::{recheck, retention, samples, sweep};
use crate::sessions::{
    live::{link::Link, message::Message, pubsub},
    service::{Backend, Sessions},
};

impl Sessions {
    /// Runs the background tasks for as long as it is polled.
    pub async fn background(self: Arc<Self>) {
        let batches = self.last_seen.clone().write_batches(self.db.clone());
        let sweep = sweep::run(Arc::clone(&self));
        let samples = samples::run(Arc::clone(&self));
        let retention = retention::run(Arc::clone(&self));
        tokio::join!(batches, sweep, samples, retention, recheck::run(Arc::clone(&self)), self.run_pubsub());
    }

    /// Sends the queued messages to the other instances: for the command line, which runs no background tasks.
    pub async fn send_queued(&self) {
        if let Some(mut outbound) = self.take_outbound() {
            pubsub::send_queued(&self.link(), &self.bus, &mut outbound).await;
        }
    }

    fn take_outbound(&self) -> Option<mpsc::Receiver<Message>> {
        self.outbound.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn run_pubsub(&self) {
        if let Some(outbound) = self.take_outbound() {
            pubsub::run(&self.link(), &self.bus, outbound, &self.instance).await;
        }
    }

    fn link(&self) -> Link<'_> {
        match &self.backend {
            Backend::Redis(redis) => Link::Redis(redis),
            Backend::Sql => Link::Postgres(&self.db),
        }
    }
}
