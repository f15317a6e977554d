//! The thread `guest-clock`: it moves the epoch, so that guests that compute look up, and wakes groups that have credit
//! again.

use std::thread;
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use super::{RunQueue, Shared, nanos};

/// Time between two looks of the clock while guests come and go within a tick, and how many looks must have found it so.
const CALM_TICK: Duration = Duration::from_millis(1);
const CALM_TICKS: u32 = 8;

/// Time between two looks while a guest computes and nobody else waits for its thread: it is charged less often, and
/// whoever comes wakes the clock.
const LONE_TICK: Duration = Duration::from_micros(1500);

/// How long the clock takes somebody to be waiting who came when no thread was free.
const CONTESTED: Duration = Duration::from_millis(5);

/// Looks without work after which the clock thread goes to sleep.
const IDLE_TICKS: u32 = 100;

// === impl Shared ===

impl Shared {
    /// Sleeps, unless somebody comes who finds no thread.
    fn doze(&self, pause: Duration) -> MutexGuard<'_, RunQueue> {
        let mut state = self.lock();
        state.clock_dozes = true;
        let until = Instant::now() + pause;
        while state.clock_dozes && !state.closing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.clock.wait_for(&mut state, left);
        }
        state.clock_dozes = false;
        state
    }

    pub(super) fn run_clock(&self, tick: Duration) {
        let (mut idle, mut calm) = (0_u32, 0_u32);
        let (mut pause, mut alone) = (tick, false);
        loop {
            let mut state = match alone {
                true => self.doze(pause),
                false => {
                    thread::sleep(pause);
                    self.lock()
                }
            };
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
            alone = false;
            pause = if calm >= CALM_TICKS {
                tick.max(CALM_TICK)
            } else if state.is_contested(now, nanos(CONTESTED)) {
                tick
            } else {
                alone = true;
                // Those who are parked have their moment.
                let due = state.parked.first().map(|(due, _)| due.saturating_sub(now));
                let due = due.map_or(LONE_TICK, Duration::from_nanos);
                LONE_TICK.min(due).max(tick)
            };
            idle = if busy || !state.parked.is_empty() {
                0
            } else {
                idle + 1
            };
            if idle > IDLE_TICKS {
                state.clock_waits = true;
                while state.clock_waits && !state.closing {
                    self.clock.wait(&mut state);
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
