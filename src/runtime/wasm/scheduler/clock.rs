//! The thread `guest-clock`: it moves the epoch, so that guests that compute look up, and wakes groups that have credit
//! again.

use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use super::{Shared, nanos};

/// Time between two looks of the clock while guests come and go within a tick, and how many looks must have found it so.
const CALM_TICK: Duration = Duration::from_millis(1);
const CALM_TICKS: u32 = 8;

/// Looks without work after which the clock thread goes to sleep.
const IDLE_TICKS: u32 = 100;

// === impl Shared ===

impl Shared {
    pub(super) fn run_clock(&self, tick: Duration) {
        let (mut idle, mut calm) = (0_u32, 0_u32);
        let mut pause = tick;
        loop {
            thread::sleep(pause);
            let mut state = self.lock();
            if state.closing {
                return;
            }
            let now = self.now();
            let woken = state.unpark(now);
            let busy = state.running > 0;
            // One that began soon after the last look has been at it for almost a tick.
            let long = state.runs_since(now.saturating_sub(nanos(tick) / 2));
            calm = match long || !state.parked.is_empty() {
                true => 0,
                false => calm.saturating_add(1),
            };
            pause = match calm < CALM_TICKS {
                true => tick,
                false => tick.max(CALM_TICK),
            };
            idle = if busy || !state.parked.is_empty() {
                0
            } else {
                idle + 1
            };
            if idle > IDLE_TICKS {
                state.clock_waits = true;
                while state.clock_waits && !state.closing {
                    state = self
                        .clock
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                idle = 0;
            }
            let wakes = woken > 0 && state.wakes_a_thread();
            drop(state);
            if wakes {
                self.work.notify_one();
            }
            if long && let Some(engine) = self.engine.upgrade() {
                engine.increment_epoch();
            }
        }
    }
}
