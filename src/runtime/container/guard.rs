//! Looks again at what keeps containers in, for as long as any runs.
//!
//! The packet filter is the host's: whoever has the right may change it, and the engine does when it is restarted. What is
//! gone is put back; where that fails, containers that must be kept in are stopped.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{ContainerRuntime, Inner, limit_report};
use crate::docker::Elsewhere;
use crate::runtime::Runtime;

/// Between two tries to ask an engine that does not answer where it is.
const AGAIN: Duration = Duration::from_secs(10);

// === impl ContainerRuntime ===

impl ContainerRuntime {
    /// Guards containers until it is dropped. Begins with a look at whether the engine's folders and networks are this
    /// server's own, and says so once where they are not.
    pub(super) async fn watch_isolation(&self) {
        let inner = &*self.0;
        if !self.is_on() {
            return;
        }
        tokio::join!(inner.look_around(), inner.look_again_and_again());
    }
}

// === impl Inner ===

impl Inner {
    async fn look_around(&self) {
        let found = loop {
            match self.engine.elsewhere(&self.settings.data).await {
                Ok(found) => break found,
                Err(error) => tracing::debug!("the engine does not say where it is: {error:#}"),
            }
            sleep(AGAIN).await;
        };
        for elsewhere in &found {
            tracing::error!("{}", elsewhere.advice());
        }
        *self.elsewhere.lock() = found;
    }

    async fn look_again_and_again(&self) {
        let mut rounds = interval(self.settings.measure_every);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            let nobody = self.running.lock().is_empty();
            // Whoever is started next looks for itself.
            if nobody {
                self.exposed.send_replace(None);
                continue;
            }
            let exposed = self.networks.look().await.err();
            self.note_isolation(exposed.map(|error| format!("{error:#}")));
        }
    }

    /// Tells those who wait for it, and what each container's limits say, whether containers are kept in.
    fn note_isolation(&self, exposed: Option<String>) {
        let news = self.exposed.send_if_modified(|known| {
            let news = *known != exposed;
            known.clone_from(&exposed);
            news
        });
        if !news {
            return;
        }
        match &exposed {
            Some(why) => tracing::error!(
                "the packet filter's rules for containers are gone and cannot be put back: {why}"
            ),
            None => tracing::info!("the packet filter's rules for containers stand"),
        }
        for running in self.running.lock().values() {
            limit_report::note_isolation(&mut running.limits.lock(), exposed.as_deref());
        }
    }

    /// Waits until containers are not kept in any more and must be; why, for authors.
    pub(super) async fn exposed(&self) -> String {
        if self.settings.isolation_required
            && let Ok(why) = self.exposed.subscribe().wait_for(Option::is_some).await
        {
            return super::start::not_isolated(why.as_deref().unwrap_or_default());
        }
        std::future::pending().await
    }

    /// What of the engine's is not this server's own, as far as it was asked.
    pub(super) fn is_elsewhere(&self) -> Option<Elsewhere> {
        self.elsewhere.lock().first().copied()
    }
}
