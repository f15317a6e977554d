//! What a supervisor knows of its Space that is not stored: what runs, and what is being built.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::domain::{BuildId, ExitReason, InstanceFacts, InstanceId, InstanceState, Millis};
use crate::ledger::{Refused, Ticket};
use crate::routes::Serving;

/// Facts that end with the process.
#[derive(Default)]
pub(in crate::lifecycle) struct RuntimeState {
    /// Instances that answer, and the last that ended; oldest first.
    pub(in crate::lifecycle) instances: Vec<InstanceHandle>,
    /// The build under way, and what stops it.
    pub(in crate::lifecycle) building: Option<Building>,
    /// Whether it was put to sleep and nothing has woken it since.
    pub(in crate::lifecycle) asleep: bool,
    /// Whether another Space needs the memory that this one holds without using it.
    pub(in crate::lifecycle) give_way: bool,
    /// Whether what it holds is on its way back: it is being stopped.
    pub(in crate::lifecycle) leaving: bool,
    /// Until when there is no room to start anything.
    pub(in crate::lifecycle) full_until: Option<Millis>,
    /// Why the last start did not begin, for want of room; whether that still holds is for the ledger to say.
    pub(in crate::lifecycle) refused: Option<Refused>,
    /// Whether others are on their way out to make room for it.
    pub(in crate::lifecycle) making_room: bool,
    /// Its place among those that wait until the host has room.
    pub(in crate::lifecycle) ticket: Option<Ticket>,
    /// Whether there will be room for a new version only where the old one is.
    pub(in crate::lifecycle) in_place: bool,
}

/// A build under way. The same build can be begun again while an earlier run of it is still ending.
pub(in crate::lifecycle) struct Building {
    pub(in crate::lifecycle) id: BuildId,
    /// Differs between runs.
    pub(in crate::lifecycle) run: u64,
    pub(in crate::lifecycle) cancel: CancellationToken,
    /// Its place in the line, beginning at 1, while it waits for its turn.
    pub(in crate::lifecycle) place: Option<usize>,
}

/// An instance.
pub(in crate::lifecycle) struct InstanceHandle {
    pub(in crate::lifecycle) id: InstanceId,
    pub(in crate::lifecycle) build: BuildId,
    pub(in crate::lifecycle) restarts: i64,
    pub(in crate::lifecycle) artifact: crate::domain::Artifact,
    pub(in crate::lifecycle) state: HandleState,
}

/// Where it stands.
pub(in crate::lifecycle) enum HandleState {
    /// It does not answer yet.
    Starting {
        /// Gives the start up.
        cancel: CancellationToken,
    },
    /// It answers.
    Ready {
        serving: Arc<Serving>,
        since: Millis,
        routed: bool,
        frozen: bool,
        draining_since: Option<Millis>,
    },
    /// It does not any more.
    Ended {
        reason: ExitReason,
        log_tail: Vec<String>,
        at: Millis,
        failures: u32,
        /// Whether it had answered before.
        answered: bool,
    },
}

/// Milliseconds for which an instance must have answered for its end not to count as one more failure in a row.
const STEADY_MILLIS: Millis = 10 * 60 * 1000;

// === impl RuntimeState ===

impl RuntimeState {
    /// Whether anything of it answers.
    pub(in crate::lifecycle) fn any_ready(&self) -> bool {
        let ready = |kept: &InstanceHandle| matches!(kept.state, HandleState::Ready { .. });
        self.instances.iter().any(ready)
    }

    /// Whether the end of an instance counts as a failure.
    pub(in crate::lifecycle) fn has_failed(&self) -> bool {
        let failed = |kept: &InstanceHandle| matches!(kept.state, HandleState::Ended { failures, .. } if failures > 0);
        self.instances.iter().any(failed)
    }

    /// Whether it is the server that failed, and soon tries again.
    pub(in crate::lifecycle) fn server_failed(&self) -> bool {
        let last = self.instances.last().map(|kept| &kept.state);
        matches!(
            last,
            Some(HandleState::Ended {
                reason: ExitReason::ServerFailed,
                ..
            })
        )
    }

    /// Whether one that answered has just ended for the first time, and soon is there again.
    pub(in crate::lifecycle) fn just_died(&self) -> bool {
        let last = self.instances.last().map(|kept| &kept.state);
        matches!(
            last,
            Some(HandleState::Ended {
                failures: 1,
                answered: true,
                ..
            })
        )
    }

    /// Whether what is to serve is frozen.
    pub(in crate::lifecycle) fn frozen(&self) -> bool {
        let frozen =
            |kept: &InstanceHandle| matches!(kept.state, HandleState::Ready { frozen: true, .. });
        self.instances.iter().any(frozen)
    }

    /// The instance visitors are sent to.
    pub(in crate::lifecycle) fn routed(&self) -> Option<&Arc<Serving>> {
        self.instances.iter().find_map(|kept| match &kept.state {
            HandleState::Ready {
                serving,
                routed: true,
                ..
            } => Some(serving),
            _ => None,
        })
    }

    /// What an instance runs.
    pub(in crate::lifecycle) fn artifact_of(
        &self,
        id: InstanceId,
    ) -> Option<crate::domain::Artifact> {
        let kept = self.instances.iter().find(|kept| kept.id == id)?;
        Some(kept.artifact.clone())
    }

    /// Takes an instance out.
    pub(in crate::lifecycle) fn take(&mut self, id: InstanceId) -> Option<InstanceHandle> {
        let index = self.instances.iter().position(|kept| kept.id == id)?;
        Some(self.instances.remove(index))
    }

    /// Changes an instance in its place; false when it is not there any more.
    pub(in crate::lifecycle) fn change(
        &mut self,
        id: InstanceId,
        change: impl FnOnce(&mut HandleState),
    ) -> bool {
        let kept = self.instances.iter_mut().find(|kept| kept.id == id);
        kept.map(|kept| change(&mut kept.state)).is_some()
    }

    /// Notes the end of an instance, or of the attempt at starting one, counting failures in a row of the same build.
    pub(in crate::lifecycle) fn end(
        &mut self,
        id: InstanceId,
        reason: ExitReason,
        log_tail: Vec<String>,
        at: Millis,
    ) {
        let Some(mut ended) = self.take(id) else {
            return;
        };
        let (answered, steady) = match ended.state {
            HandleState::Ready { since, .. } => (true, at - since >= STEADY_MILLIS),
            _ => (false, false),
        };
        let before = self
            .instances
            .iter()
            .filter(|kept| kept.build == ended.build && kept.restarts == ended.restarts);
        let before = before.filter_map(|kept| match kept.state {
            HandleState::Ended { failures, .. } => Some(failures),
            _ => None,
        });
        let failures = match reason {
            ExitReason::Stopped => 0,
            _ if steady => 1,
            _ => before.max().unwrap_or(0) + 1,
        };
        self.instances
            .retain(|kept| !matches!(kept.state, HandleState::Ended { .. }));
        ended.state = HandleState::Ended {
            reason,
            log_tail,
            at,
            failures,
            answered,
        };
        self.instances.push(ended);
    }
}

// === impl InstanceHandle ===

impl InstanceHandle {
    /// As the decision wants it.
    pub(in crate::lifecycle) fn facts(&self) -> InstanceFacts {
        InstanceFacts {
            id: self.id,
            build: self.build,
            restarts: self.restarts,
            state: match &self.state {
                HandleState::Starting { .. } => InstanceState::Starting,
                HandleState::Ready {
                    serving,
                    routed,
                    frozen,
                    draining_since,
                    ..
                } => InstanceState::Ready {
                    idle_since: serving.idle_since(),
                    visited: serving.visits() > 0,
                    routed: *routed,
                    frozen: *frozen,
                    draining_since: *draining_since,
                },
                HandleState::Ended {
                    reason,
                    at,
                    failures,
                    ..
                } => InstanceState::Ended {
                    reason: reason.clone(),
                    at: *at,
                    failures: *failures,
                },
            },
        }
    }
}
