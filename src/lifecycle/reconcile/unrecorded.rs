//! Branches that have moved while the database could not say so: its disk was full, or something else held its lock.
//!
//! A commit that landed is there for good, and a second push of it is nothing new to git, so nobody but this server can
//! make the two agree again. What a crash leaves of this kind is mended by `adopt`; what is left while the server runs,
//! here, within seconds of the cause having gone.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::domain::{RepoKind, RepoUid};
use crate::lifecycle::{Landing, Lifecycle, LifecycleError};
use crate::repo::RepoError;

/// Between two tries, as long as what is in the way passes by itself.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause after failures of another kind.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is not recorded yet.
#[derive(Default)]
pub(in crate::lifecycle) struct Unrecorded {
    all: Mutex<HashMap<RepoUid, (RepoKind, Landing)>>,
    more: Notify,
}

// === impl Unrecorded ===

impl Unrecorded {
    pub(in crate::lifecycle) fn add(&self, kind: RepoKind, id: RepoUid, landing: Landing) {
        let mut all = self.all.lock();
        let other = all.get(&id).is_some_and(|(_, known)| *known != landing);
        let landing = match other {
            // They are recorded as one.
            true => Landing::of_somebody(landing.head),
            false => landing,
        };
        all.insert(id, (kind, landing));
        self.more.notify_one();
    }

    fn list(&self) -> Vec<(RepoUid, RepoKind, Landing)> {
        let all = self.all.lock();
        all.iter()
            .map(|(id, (kind, landing))| (*id, *kind, landing.clone()))
            .collect()
    }
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Looks at how the recording of a landed commit went. What failed on our side is owed and logged, and is no error for
    /// whoever sent the commit: it is stored.
    pub(in crate::lifecycle) fn or_unrecorded(
        &self,
        kind: RepoKind,
        id: RepoUid,
        landing: Landing,
        recorded: Result<(), LifecycleError>,
    ) -> Result<(), LifecycleError> {
        let error: Box<dyn std::error::Error> = match recorded {
            Err(LifecycleError::Store(error)) if error.is_transient() => {
                tracing::warn!(
                    repository = %id,
                    "a commit to {id} was stored and will be recorded when the database accepts it: {error}"
                );
                self.unrecorded.add(kind, id, landing);
                return Ok(());
            }
            Err(LifecycleError::Store(error)) => Box::new(error),
            Err(LifecycleError::Repo(error)) => Box::new(error),
            other => return other,
        };
        tracing::error!(
            repository = %id,
            "a commit to {id} was stored but could not be recorded; this will be retried: {error}"
        );
        self.unrecorded.add(kind, id, landing);
        Ok(())
    }
}

/// Records what is owed, again and again until all of it is.
pub(in crate::lifecycle) async fn run(lifecycle: Lifecycle) {
    let mut pause = PAUSE;
    loop {
        let unrecorded = lifecycle.unrecorded.list();
        if unrecorded.is_empty() {
            pause = PAUSE;
            lifecycle.unrecorded.more.notified().await;
            continue;
        }
        tokio::time::sleep(pause).await;
        let mut next = PAUSE;
        for (id, kind, landing) in unrecorded {
            // Taken off before it is looked at, so that whoever adds it meanwhile is not forgotten.
            lifecycle.unrecorded.all.lock().remove(&id);
            match lifecycle.record_landing(kind, id, &landing).await {
                Ok(()) => tracing::info!(repository = %id, "the newest commit to {id} is recorded"),
                Err(LifecycleError::Store(error)) if error.is_transient() => {
                    lifecycle.unrecorded.add(kind, id, landing);
                    // The next one would fare no better.
                    break;
                }
                Err(LifecycleError::Repo(RepoError::NoRepository)) => {}
                Err(error @ (LifecycleError::Store(_) | LifecycleError::Repo(_))) => {
                    tracing::warn!(repository = %id, "a commit to {id} is still not recorded: {error}");
                    lifecycle.unrecorded.add(kind, id, landing);
                    next = (pause * 2).min(LONGEST_PAUSE);
                }
                // It is gone.
                Err(_) => {}
            }
        }
        pause = next;
    }
}
