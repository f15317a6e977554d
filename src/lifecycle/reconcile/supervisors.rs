//! All supervisors.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::registry::Registry;
use super::runtime_state::RuntimeState;
use super::supervisor::Supervisor;
use crate::domain::{SpaceId, WorkloadId};
use crate::lifecycle::artifacts::Artifacts;
use crate::lifecycle::{Parts, now};
use crate::routes::Nudges;
use crate::runtime::Endings;

/// All supervisors.
pub(in crate::lifecycle) struct Supervisors {
    parts: Arc<Parts>,
    all: Arc<Registry>,
    artifacts: Arc<Artifacts>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

// === impl Supervisors ===

impl Supervisors {
    pub(in crate::lifecycle) fn new(parts: Arc<Parts>) -> Arc<Self> {
        let all = Arc::<Registry>::default();
        Arc::new(Self {
            artifacts: Artifacts::new(Arc::clone(&parts), Arc::clone(&all)),
            parts,
            all,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        })
    }

    /// Takes a Space into care; does nothing when it is.
    pub(in crate::lifecycle) fn supervise(&self, id: SpaceId) {
        if let Some(supervisor) = self.admit(id) {
            self.run(supervisor);
        }
    }

    /// A supervisor that does not run yet, so that what an earlier process left can be given to it; `None` when the
    /// Space has one.
    pub(in crate::lifecycle) fn admit(&self, id: SpaceId) -> Option<Supervisor> {
        if self.closing.is_cancelled() {
            return None;
        }
        let own = self.all.add(id)?;
        Some(Supervisor {
            id,
            parts: Arc::clone(&self.parts),
            own,
            registry: Arc::clone(&self.all),
            artifacts: Arc::clone(&self.artifacts),
            tasks: self.tasks.clone(),
            closing: self.closing.clone(),
        })
    }

    /// Lets an admitted supervisor do its work.
    pub(in crate::lifecycle) fn run(&self, supervisor: Supervisor) {
        self.run_in_turn(supervisor, None);
    }

    /// As [`Self::run`], for one of many: the turn is given back at its first rest.
    pub(in crate::lifecycle) fn run_in_turn(
        &self,
        supervisor: Supervisor,
        turn: Option<OwnedSemaphorePermit>,
    ) {
        self.tasks.spawn(async move {
            supervisor.run(turn).await;
            supervisor.registry.remove(supervisor.id);
        });
    }

    /// Keeps artifacts, and removes them.
    pub(in crate::lifecycle) fn artifacts(&self) -> &Arc<Artifacts> {
        &self.artifacts
    }

    /// Makes the Space's supervisor look.
    pub(in crate::lifecycle) fn nudge(&self, id: SpaceId) {
        if let Some(own) = self.all.get(id) {
            own.nudge.notify_one();
        }
    }

    /// Every Space in care.
    pub(in crate::lifecycle) fn registry(&self) -> &Arc<Registry> {
        &self.all
    }

    /// The Spaces in care of whom `who` is true.
    pub(in crate::lifecycle) fn those_who(
        &self,
        who: impl Fn(&RuntimeState) -> bool,
    ) -> Vec<SpaceId> {
        let all = self.all.all();
        let found = all.into_iter().filter(|(_, own)| who(&own.observed.lock()));
        found.map(|(id, _)| id).collect()
    }

    /// The owner wants it: it need not sleep on.
    pub(in crate::lifecycle) fn wake(&self, id: SpaceId) {
        self.observed(id).lock().asleep = false;
    }

    /// What the Space's supervisor knows; nothing when there is none.
    pub(in crate::lifecycle) fn observed(&self, id: SpaceId) -> Arc<Mutex<RuntimeState>> {
        let own = self.all.get(id);
        own.map(|own| own.observed).unwrap_or_default()
    }

    /// Whoever holds it is the only one to publish to the Space.
    pub(in crate::lifecycle) fn publishing(&self, id: SpaceId) -> Arc<tokio::sync::Mutex<()>> {
        let own = self.all.get(id);
        own.map(|own| own.publishing).unwrap_or_default()
    }

    /// Waits until the Space is gone.
    pub(in crate::lifecycle) fn ended(&self, id: SpaceId) -> impl Future<Output = ()> + use<> {
        let ended = self.all.get(id).map(|own| own.ended());
        async move {
            if let Some(ended) = ended {
                ended.await;
            }
        }
    }

    /// Passes on what the gateway says.
    pub(in crate::lifecycle) fn listen(self: &Arc<Self>, mut nudges: Nudges) {
        let supervisors = Arc::clone(self);
        self.spawn(async move {
            while let Some(id) = nudges.recv().await {
                supervisors.nudge(id);
            }
        });
    }

    /// Notes the ends of instances as their runtime sees them.
    pub(in crate::lifecycle) fn hear_of_ends(self: &Arc<Self>, mut endings: Endings) {
        let supervisors = Arc::clone(self);
        self.spawn(async move {
            while let Some(ended) = endings.recv().await {
                let WorkloadId::Space(space) = ended.workload;
                let observed = supervisors.observed(space);
                observed
                    .lock()
                    .end(ended.instance, ended.reason, ended.log_tail, now());
                supervisors.nudge(space);
                supervisors.parts.ledger.starts().look_again();
            }
        });
    }

    /// Runs something until the control plane stops.
    pub(in crate::lifecycle) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = work => {}
            }
        });
    }

    pub(in crate::lifecycle) async fn stop(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
