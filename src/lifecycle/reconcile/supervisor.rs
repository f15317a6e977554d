//! One task for each Space: load, decide, do, and again, until there is nothing to do.
//!
//! A supervisor rests until it is nudged (an operation, a visitor, the end of a build) or a moment it waits for has
//! come. It never learns what happened; it looks. So a nudge too many is harmless, and a restart of the server is
//! nothing but the first look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::runtime_state::RuntimeState;
use super::{actions, snapshot};
use crate::domain::{Desired, Millis, Next, SpaceId, decide};
use crate::lifecycle::artifacts::Artifacts;
use crate::lifecycle::placement::admission;
use crate::lifecycle::{Parts, lock, now};
use crate::routes::Nudges;
use crate::runtime::Endings;
use crate::store::StoreError;

/// Steps without a rest after which something must be wrong: the supervisor pauses rather than spin.
const RESTLESS: u32 = 64;

/// Longest pause after errors in a row.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The same while the disk is full or the database is busy, which ends without anybody telling.
const PASSING_PAUSE: Duration = Duration::from_secs(4);

/// All supervisors.
pub(in crate::lifecycle) struct Supervisors {
    parts: Arc<Parts>,
    all: Arc<Registry>,
    artifacts: Arc<Artifacts>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// Every Space in care.
pub(in crate::lifecycle) type Registry = Mutex<HashMap<SpaceId, Supervised>>;

/// A Space in care.
#[derive(Clone, Default)]
pub(in crate::lifecycle) struct Supervised {
    pub(in crate::lifecycle) nudge: Arc<Notify>,
    pub(in crate::lifecycle) observed: Arc<Mutex<RuntimeState>>,
    pub(in crate::lifecycle) publishing: Arc<tokio::sync::Mutex<()>>,
    ended: CancellationToken,
}

/// What one supervisor works with.
#[derive(Clone)]
pub(in crate::lifecycle) struct Supervisor {
    pub(in crate::lifecycle) id: SpaceId,
    pub(in crate::lifecycle) parts: Arc<Parts>,
    pub(in crate::lifecycle) own: Supervised,
    pub(in crate::lifecycle) registry: Arc<Registry>,
    pub(in crate::lifecycle) artifacts: Arc<Artifacts>,
    pub(in crate::lifecycle) tasks: TaskTracker,
    pub(in crate::lifecycle) closing: CancellationToken,
}

/// What a step came to.
enum Step {
    /// Something was done: look again.
    Again,
    /// Nothing to do before that moment.
    Rest(Option<Millis>),
    /// The Space is gone.
    Gone,
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
        let mut all = lock(&self.all);
        if all.contains_key(&id) || self.closing.is_cancelled() {
            return None;
        }
        let own = Supervised::default();
        all.insert(id, own.clone());
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
            if let Some(gone) = lock(&supervisor.registry).remove(&supervisor.id) {
                gone.ended.cancel();
            }
        });
    }

    /// Keeps artifacts, and removes them.
    pub(in crate::lifecycle) fn artifacts(&self) -> &Arc<Artifacts> {
        &self.artifacts
    }

    /// Makes the Space's supervisor look.
    pub(in crate::lifecycle) fn nudge(&self, id: SpaceId) {
        if let Some(own) = lock(&self.all).get(&id) {
            own.nudge.notify_one();
        }
    }

    /// Makes the supervisors look of those Spaces of whom `who` is true.
    pub(in crate::lifecycle) fn nudge_those_who(
        &self,
        who: impl Fn(SpaceId, &RuntimeState) -> bool,
    ) {
        let all: Vec<_> = lock(&self.all)
            .iter()
            .map(|(id, own)| (*id, own.clone()))
            .collect();
        for (id, own) in all {
            if who(id, &lock(&own.observed)) {
                own.nudge.notify_one();
            }
        }
    }

    /// The Spaces in care of whom `who` is true.
    pub(in crate::lifecycle) fn those_who(
        &self,
        who: impl Fn(&RuntimeState) -> bool,
    ) -> Vec<SpaceId> {
        let all: Vec<_> = lock(&self.all)
            .iter()
            .map(|(id, own)| (*id, own.clone()))
            .collect();
        let found = all.into_iter().filter(|(_, own)| who(&lock(&own.observed)));
        found.map(|(id, _)| id).collect()
    }

    /// The owner wants it: it need not sleep on.
    pub(in crate::lifecycle) fn wake(&self, id: SpaceId) {
        lock(&self.observed(id)).asleep = false;
    }

    /// What the Space's supervisor knows; nothing when there is none.
    pub(in crate::lifecycle) fn observed(&self, id: SpaceId) -> Arc<Mutex<RuntimeState>> {
        lock(&self.all)
            .get(&id)
            .map(|own| Arc::clone(&own.observed))
            .unwrap_or_default()
    }

    /// Whoever holds it is the only one to publish to the Space.
    pub(in crate::lifecycle) fn publishing(&self, id: SpaceId) -> Arc<tokio::sync::Mutex<()>> {
        lock(&self.all)
            .get(&id)
            .map(|own| Arc::clone(&own.publishing))
            .unwrap_or_default()
    }

    /// Waits until the Space is gone.
    pub(in crate::lifecycle) fn ended(&self, id: SpaceId) -> impl Future<Output = ()> + use<> {
        let ended = lock(&self.all).get(&id).map(|own| own.ended.clone());
        async move {
            if let Some(ended) = ended {
                ended.cancelled().await;
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
                let observed = supervisors.observed(ended.space);
                lock(&observed).end(ended.instance, ended.reason, ended.log_tail, now());
                supervisors.nudge(ended.space);
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

// === impl Supervisor ===

impl Supervisor {
    async fn run(&self, mut turn: Option<OwnedSemaphorePermit>) {
        let (mut errors, mut steps) = (0u32, 0u32);
        loop {
            let step = tokio::select! {
                biased;
                () = self.closing.cancelled() => return,
                step = Box::pin(self.step()) => step,
            };
            let pause = match step {
                Ok(Step::Gone) => return,
                Ok(Step::Again) if steps < RESTLESS => {
                    steps += 1;
                    errors = 0;
                    continue;
                }
                Ok(Step::Again) => {
                    let space = self.id;
                    tracing::error!(%space, "the supervisor of {space} found no rest; it goes on in a second");
                    Some(Duration::from_secs(1))
                }
                Ok(Step::Rest(due)) => {
                    errors = 0;
                    due.map(|due| Duration::from_millis(u64::try_from(due - now()).unwrap_or(0)))
                }
                Err(error) => {
                    let space = self.id;
                    tracing::error!(%space, "the supervisor of {space} failed and will try again: {error:#}");
                    errors = (errors + 1).min(6);
                    let longest = match error.downcast_ref::<StoreError>() {
                        Some(error) if error.passes() => PASSING_PAUSE,
                        _ => LONGEST_PAUSE,
                    };
                    Some(Duration::from_secs(1 << errors).min(longest))
                }
            };
            steps = 0;
            drop(turn.take());
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = rest(&self.own.nudge, pause) => {}
            }
        }
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let Some(stored) = snapshot::load(&self.parts, self.id).await? else {
            actions::clear(self).await;
            return Ok(Step::Gone);
        };
        let next = {
            let mut observed = lock(&self.own.observed);
            if stored.space.wanted() != Desired::Running {
                observed.ticket = None;
                observed.refused = None;
            }
            if observed.asleep && admission::blocked(&self.parts, &stored, &observed).is_none() {
                // There is room for it when somebody wants it.
                observed.refused = None;
            }
            decide(&snapshot::snapshot(&self.parts, &stored, &observed), now())
        };
        let due = match next {
            Next::Do(action) => {
                tracing::debug!(space = %stored.space.name, ?action, "next for {}", stored.space.name);
                return Ok(if actions::act(self, &stored, action).await? {
                    Step::Gone
                } else {
                    Step::Again
                });
            }
            Next::WaitUntil(due) => Some(due),
            Next::Wait => None,
        };
        actions::tell_gateway(self, &stored);
        Ok(Step::Rest(due))
    }
}

/// Waits for a nudge, and no longer than `pause`.
async fn rest(nudge: &Notify, pause: Option<Duration>) {
    match pause {
        // An elapsed pause is as good as a nudge.
        Some(pause) => drop(timeout(pause, nudge.notified()).await),
        None => nudge.notified().await,
    }
}
