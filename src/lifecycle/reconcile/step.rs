//! One task for each Space: load, decide, do, and again, until there is nothing to do.
//!
//! A supervisor rests until it is nudged (an operation, a visitor, the end of a build) or a moment it waits for has
//! come. It never learns what happened; it looks. So a nudge too many is harmless, and a restart of the server is
//! nothing but the first look.

use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::timeout;

use super::stored::load;
use super::supervisor::Supervisor;
use super::{actions, snapshot};
use crate::domain::{Desired, Millis, Next, decide};
use crate::lifecycle::now;
use crate::lifecycle::placement::admission;
use crate::store::StoreError;

/// Steps without a rest after which something must be wrong: the supervisor pauses rather than spin.
const RESTLESS: u32 = 64;

/// Longest pause after errors in a row.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The same while the disk is full or the database is busy, which ends without anybody telling.
const PASSING_PAUSE: Duration = Duration::from_secs(4);

/// What a step came to.
enum Step {
    /// Something was done: look again.
    Again,
    /// Nothing to do before that moment.
    Rest(Option<Millis>),
    /// The Space is gone.
    Gone,
}

// === impl Supervisor ===

impl Supervisor {
    /// Looks, and looks again, until the Space is gone or the control plane stops. A turn is given back at the first rest.
    pub(super) async fn run(&self, mut turn: Option<OwnedSemaphorePermit>) {
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
                    tracing::error!(%space, "the supervisor of {space} did not settle; it continues in a second");
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
                        Some(error) if error.is_transient() => PASSING_PAUSE,
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
        let Some(stored) = load(&self.parts, self.id).await? else {
            actions::clear(self).await;
            return Ok(Step::Gone);
        };
        let next = {
            let mut observed = self.own.observed.lock();
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
