//! Whose turn it is: the policy of the scheduler, without its threads.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_task::Runnable;

use crate::ledger::WorkloadAccount;

/// Virtual nanoseconds of head start for a group that had nothing to run.
pub(super) const HEAD_START: u64 = 10_000_000;

#[derive(Default)]
pub(super) struct RunQueue {
    pub(super) groups: HashMap<u64, Queue>,
    /// By virtual time.
    pub(super) eligible: BTreeSet<(u64, u64)>,
    /// By the moment, in nanoseconds since the scheduler started, at which there is credit again.
    pub(super) parked: BTreeSet<(u64, u64)>,
    /// Those of the parked that may use spare time, by how much of it they have used.
    pub(super) spare: BTreeSet<(u64, u64)>,
    /// The greatest of these at which a group was picked.
    pub(super) spare_floor: u64,
    /// Tasks being polled in spare time.
    pub(super) running_spare: usize,
    /// The greatest virtual time at which a group was picked.
    pub(super) floor: u64,
    pub(super) running: usize,
    /// For each thread, since when it polls the task it polls.
    pub(super) begun: Vec<Option<u64>>,
    pub(super) waiting_threads: usize,
    /// A thread has been woken and has not looked yet. It wakes the next one if there is more than it can do, so a
    /// burst of small tasks does not wake every thread for nothing.
    pub(super) waking: bool,
    pub(super) clock_waits: bool,
    /// The clock looks seldom, for nobody waits for a thread.
    pub(super) clock_dozes: bool,
    /// When somebody came last who found no thread.
    pub(super) contested_at: Option<u64>,
    pub(super) closing: bool,
    pub(super) next_key: u64,
}

pub(super) struct Queue {
    pub(super) account: Arc<WorkloadAccount>,
    pub(super) tasks: VecDeque<Runnable>,
    pub(super) running: usize,
    pub(super) share: usize,
    /// CPU nanoseconds used, divided by the group's size in cores.
    pub(super) virtual_time: u64,
    /// The same of spare time. It is another account: who used what nobody wanted is not behind others for it.
    pub(super) spare_time: u64,
    pub(super) place: Place,
}

/// A task that is to be polled now.
pub(super) struct Picked {
    pub(super) key: u64,
    pub(super) runnable: Runnable,
    /// Its group has no credit, and nobody who has wants the time.
    pub(super) spare: bool,
}

/// Under which key a group stands in which set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    Eligible(u64),
    /// And under which key among those that may use spare time.
    Parked(u64, Option<u64>),
}

// === impl RunQueue ===

impl RunQueue {
    /// Whether the caller is to wake a thread: there is something to do, somebody to do it, and nobody on the way.
    pub(super) fn wakes_a_thread(&mut self) -> bool {
        let work = !self.eligible.is_empty() || !self.spare.is_empty();
        let wakes = self.waiting_threads > 0 && !self.waking && work;
        self.waking |= wakes;
        wakes
    }

    /// Puts a group among those that may run, if it has something to run and a thread left in its share.
    pub(super) fn admit(&mut self, key: u64) {
        let floor = self.floor;
        let Some(queue) = self.groups.get_mut(&key) else {
            return;
        };
        if queue.place == Place::Nowhere && !queue.tasks.is_empty() && queue.running < queue.share {
            queue.virtual_time = queue.virtual_time.max(floor.saturating_sub(HEAD_START));
            queue.place = Place::Eligible(queue.virtual_time);
            self.eligible.insert((queue.virtual_time, key));
        }
    }

    /// Whether somebody waits for a thread that another has, or came for one within the last `recent` nanoseconds.
    pub(super) fn is_contested(&self, now: u64, recent: u64) -> bool {
        let recently = self.contested_at;
        let recently = recently.is_some_and(|at| now.saturating_sub(at) < recent);
        recently || !self.eligible.is_empty() || !self.spare.is_empty()
    }

    /// Whether a task is being polled since that moment or longer.
    pub(super) fn runs_since(&self, moment: u64) -> bool {
        self.begun.iter().flatten().any(|begun| *begun <= moment)
    }

    /// The next task to poll. Groups found without credit are parked on the way.
    pub(super) fn pick(&mut self, now: u64) -> Option<Picked> {
        let picked = self.pick_with_credit(now);
        picked.or_else(|| self.pick_spare(now))
    }

    fn pick_with_credit(&mut self, now: u64) -> Option<Picked> {
        while let Some((virtual_time, key)) = self.eligible.pop_first() {
            let Some(queue) = self.groups.get_mut(&key) else {
                continue;
            };
            queue.place = Place::Nowhere;
            let wait = queue.account.wait();
            if wait > 0 {
                self.park(key, wait, now);
                continue;
            }
            let Some(runnable) = queue.tasks.pop_front() else {
                continue;
            };
            queue.running += 1;
            self.running += 1;
            self.floor = self.floor.max(virtual_time);
            self.admit(key);
            return Some(Picked {
                key,
                runnable,
                spare: false,
            });
        }
        None
    }

    /// A task of a group without credit, when no other has a better use for the time.
    fn pick_spare(&mut self, now: u64) -> Option<Picked> {
        let (spare_time, key) = *self.spare.first()?;
        self.displace(key);
        let queue = self.groups.get_mut(&key)?;
        queue.place = Place::Nowhere;
        let runnable = queue.tasks.pop_front()?;
        queue.running += 1;
        self.running += 1;
        self.running_spare += 1;
        self.spare_floor = self.spare_floor.max(spare_time);
        if !queue.tasks.is_empty() && queue.running < queue.share {
            let wait = queue.account.wait();
            self.park(key, wait, now);
        }
        Some(Picked {
            key,
            runnable,
            spare: true,
        })
    }

    /// Puts a group aside until it has credit again, in `wait` nanoseconds.
    fn park(&mut self, key: u64, wait: u64, now: u64) {
        let Some(queue) = self.groups.get_mut(&key) else {
            return;
        };
        let wait_for_spare = queue.account.wait_for_spare();
        let spare = (wait_for_spare == Some(0)).then(|| {
            let least = self.spare_floor.saturating_sub(HEAD_START);
            queue.spare_time = queue.spare_time.max(least);
            queue.spare_time
        });
        // Whichever comes first.
        let wait = match wait_for_spare {
            Some(sooner) if sooner > 0 => sooner.min(wait),
            _ => wait,
        };
        let due = now.saturating_add(wait);
        queue.place = Place::Parked(due, spare);
        self.parked.insert((due, key));
        match spare {
            Some(spare) => {
                self.spare.insert((spare, key));
            }
            None => {
                let waited = &queue.account.usage.throttled_nanos;
                waited.fetch_add(wait, Ordering::Relaxed);
            }
        }
    }

    /// Takes note that a poll of that group has ended.
    pub(super) fn finish(&mut self, key: u64, spare: bool) {
        self.running -= 1;
        self.running_spare -= usize::from(spare);
        if let Some(queue) = self.groups.get_mut(&key) {
            queue.running -= 1;
        }
        self.admit(key);
    }

    /// Charges a group `used` nanoseconds, which also cost it its place in the order.
    pub(super) fn charge(&mut self, key: u64, used: u64, spare: bool) {
        let Some(queue) = self.groups.get_mut(&key) else {
            return;
        };
        if spare {
            queue.account.charge_spare(used);
            queue.spare_time = queue.spare_time.saturating_add(queue.virtually(used));
            return;
        }
        queue.account.charge(used);
        queue.age(used);
        if let Place::Eligible(before) = queue.place {
            queue.place = Place::Eligible(queue.virtual_time);
            self.eligible.remove(&(before, key));
            self.eligible.insert((queue.virtual_time, key));
        }
    }

    /// Lets groups whose moment has come run again; how many there were.
    pub(super) fn unpark(&mut self, now: u64) -> usize {
        let mut woken = 0;
        while let Some((due, key)) = self.parked.first().copied().filter(|(due, _)| *due <= now) {
            self.displace(key);
            // One whose group is gone must not be found again.
            self.parked.remove(&(due, key));
            self.admit(key);
            woken += 1;
        }
        woken
    }

    /// Takes a group out of wherever it stands.
    pub(super) fn displace(&mut self, key: u64) {
        let Some(queue) = self.groups.get_mut(&key) else {
            return;
        };
        match std::mem::replace(&mut queue.place, Place::Nowhere) {
            Place::Eligible(virtual_time) => {
                self.eligible.remove(&(virtual_time, key));
            }
            Place::Parked(due, spare) => {
                self.parked.remove(&(due, key));
                if let Some(spare) = spare {
                    self.spare.remove(&(spare, key));
                }
            }
            Place::Nowhere => {}
        }
    }
}

// === impl Queue ===

impl Queue {
    pub(super) fn age(&mut self, used: u64) {
        self.virtual_time = self.virtual_time.saturating_add(self.virtually(used));
    }

    /// Time used, for its size.
    fn virtually(&self, used: u64) -> u64 {
        used.saturating_mul(1000) / u64::from(self.account.cpu_millis().max(1))
    }
}
