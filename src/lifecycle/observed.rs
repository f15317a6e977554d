//! What a supervisor knows of its Space that is not stored: what runs, and what is being built.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::domain::{BuildId, ExitReason, InstanceFacts, InstanceId, InstanceState, Millis};
use crate::routes::Serving;

/// Facts that end with the process.
#[derive(Default)]
pub(super) struct Observed {
    /// Instances that answer, and the last that ended; oldest first.
    pub(super) instances: Vec<Kept>,
    /// The build under way, and what stops it.
    pub(super) building: Option<Building>,
    /// Whether it was put to sleep and nothing has woken it since.
    pub(super) asleep: bool,
}

/// A build under way. The same build can be begun again while an earlier run of it is still ending.
pub(super) struct Building {
    pub(super) id: BuildId,
    /// Differs between runs.
    pub(super) run: u64,
    pub(super) cancel: CancellationToken,
}

/// An instance.
pub(super) struct Kept {
    pub(super) id: InstanceId,
    pub(super) build: BuildId,
    pub(super) restarts: i64,
    pub(super) artifact: crate::domain::Artifact,
    pub(super) state: KeptState,
}

/// Where it stands.
pub(super) enum KeptState {
    /// It answers.
    Ready {
        serving: Arc<Serving>,
        routed: bool,
        draining_since: Option<Millis>,
    },
    /// It does not any more.
    Ended {
        reason: ExitReason,
        at: Millis,
        failures: u32,
    },
}

// === impl Observed ===

impl Observed {
    /// The instances as the decision wants them.
    pub(super) fn facts(&self) -> Vec<InstanceFacts> {
        self.instances.iter().map(Kept::facts).collect()
    }

    /// The instance visitors are sent to.
    pub(super) fn routed(&self) -> Option<&Arc<Serving>> {
        self.instances.iter().find_map(|kept| match &kept.state {
            KeptState::Ready {
                serving,
                routed: true,
                ..
            } => Some(serving),
            _ => None,
        })
    }

    /// Notes the end of an instance, or of the attempt at starting one, counting failures in a row of the same build.
    pub(super) fn end(&mut self, mut ended: Kept, reason: ExitReason, at: Millis) {
        let before = self
            .instances
            .iter()
            .filter(|kept| kept.build == ended.build && kept.restarts == ended.restarts);
        let before = before.filter_map(|kept| match kept.state {
            KeptState::Ended { failures, .. } => Some(failures),
            KeptState::Ready { .. } => None,
        });
        let failures = match reason {
            ExitReason::Stopped => 0,
            _ => before.max().unwrap_or(0) + 1,
        };
        self.instances
            .retain(|kept| matches!(kept.state, KeptState::Ready { .. }));
        ended.state = KeptState::Ended {
            reason,
            at,
            failures,
        };
        self.instances.push(ended);
    }
}

// === impl Kept ===

impl Kept {
    fn facts(&self) -> InstanceFacts {
        InstanceFacts {
            id: self.id,
            build: self.build,
            restarts: self.restarts,
            state: match &self.state {
                KeptState::Ready {
                    serving,
                    routed,
                    draining_since,
                } => InstanceState::Ready {
                    idle_since: serving.idle_since(),
                    routed: *routed,
                    draining_since: *draining_since,
                },
                KeptState::Ended {
                    reason,
                    at,
                    failures,
                } => InstanceState::Ended {
                    reason: reason.clone(),
                    at: *at,
                    failures: *failures,
                },
            },
        }
    }
}
