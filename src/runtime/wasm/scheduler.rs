//! Guest threads, shared fairly.
//!
//! ```text
//!   enqueue ──► group's queue ──► eligible, by virtual time ──► a guest thread polls one task
//!                     ▲                 │ credit spent?                  │ charge its CPU time
//!                     │                 ▼                                │
//!                     └──── parked until the refill ◄────────────────────┘
//! ```
//!
//! A *group* is a Space. It never has more threads than its share, so a thousand visitors of one Space are one
//! customer of the threads, not a thousand. Among groups that may run, the one that has used least for its size goes
//! first; one that comes back from doing nothing gets a small head start, which is what keeps a demo quick beside
//! neighbours that spin. A group whose credit is spent is parked until the refill: slowed, never killed. Where the
//! operator gives spare time away, one that is parked runs meanwhile on what no other wants, and looks up for whoever does.
//!
//! A guest that computes is interrupted at every tick of the engine's epoch ([`Group::checkpoint`]), and at once when a
//! group with a better claim arrives while all threads are busy.
//!
//! Threads: `guest-N` polls guests, `guest-clock` moves the epoch and wakes parked groups. All hold the I/O runtime's
//! handle, so that timers and sockets a guest waits for are driven there.

mod clock;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use async_task::{Runnable, Task};
use parking_lot::{Condvar, Mutex, MutexGuard};
use wasmtime::{Engine, EngineWeak};

use super::decommit::PoolFlusher;
use super::run_queue::{Picked, Place, Queue, RunQueue};
use super::thread::{
    begin, deliver, deliver_before, hand_over, has_parcels, is_spare, polled, run_behind,
    set_polled, set_spare, uncharged,
};
use crate::ledger::WorkloadAccount;

/// Least time between two interruptions on behalf of newcomers: several times what one costs, and less than what a
/// visitor needs for one request after another.
const PREEMPT_EVERY: Duration = Duration::from_micros(50);

/// How the threads are set up.
#[derive(Debug, Clone)]
pub(super) struct SchedulerSettings {
    /// Threads that poll guests.
    pub(super) threads: usize,
    /// Time between two ticks of the epoch.
    pub(super) tick: Duration,
}

/// The threads. Its drop ends them; guests still queued are dropped unpolled.
pub(super) struct Scheduler {
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// A Space's place in the queue. It lives as long as any of its tasks.
pub(super) struct Group {
    key: u64,
    account: Arc<WorkloadAccount>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<RunQueue>,
    work: Condvar,
    clock: Condvar,
    engine: EngineWeak,
    started: Instant,
    preempted_at: AtomicU64,
    pool_flusher: PoolFlusher,
}

/// Polls of one group in a row, charged together: a poll of a small guest takes hardly longer than asking for its time.
struct Turn {
    key: u64,
    since: u64,
    spare: bool,
}

/// Nanoseconds after which a turn is charged although the group goes on.
const LONGEST_TURN: u64 = 500_000;

// === impl Turn ===

impl Turn {
    fn is_long(&self, now: u64) -> bool {
        now.saturating_sub(self.since) >= LONGEST_TURN
    }
}

// === impl Scheduler ===

impl Scheduler {
    /// Starts the threads. Must be called inside the I/O runtime.
    pub(super) fn start(engine: &Engine, settings: &SchedulerSettings) -> wasmtime::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            clock: Condvar::new(),
            engine: engine.weak(),
            started: Instant::now(),
            preempted_at: AtomicU64::new(0),
            pool_flusher: PoolFlusher::new(engine)?,
        });
        let mut scheduler = Self {
            shared: Arc::clone(&shared),
            threads: Vec::new(),
        };
        let threads = settings.threads.max(1);
        shared.lock().begun = vec![None; threads];
        for index in 0..threads {
            let (shared, runtime) = (Arc::clone(&shared), tokio::runtime::Handle::current());
            let body = move || {
                run_behind();
                let _inside = runtime.enter();
                shared.work(index);
            };
            let thread = thread::Builder::new().name(format!("guest-{index}"));
            scheduler.threads.push(thread.spawn(body)?);
        }
        let tick = settings.tick.max(Duration::from_micros(100));
        let thread = thread::Builder::new().name("guest-clock".into());
        scheduler
            .threads
            .push(thread.spawn(move || shared.run_clock(tick))?);
        Ok(scheduler)
    }

    /// A new group for the Space of that account, with at most `ceil(cores)` threads at once: those of its rate, and of
    /// spare time.
    pub(super) fn group(&self, account: Arc<WorkloadAccount>) -> Arc<Group> {
        let mut state = self.shared.lock();
        let key = state.next_key;
        state.next_key += 1;
        let queue = Queue {
            share: usize::try_from(account.most_cpu_millis().div_ceil(1000))
                .unwrap_or(1)
                .max(1),
            account: Arc::clone(&account),
            tasks: VecDeque::new(),
            running: 0,
            virtual_time: state.floor,
            spare_time: state.spare_floor,
            place: Place::Nowhere,
        };
        state.groups.insert(key, queue);
        Arc::new(Group {
            key,
            account,
            shared: Arc::clone(&self.shared),
        })
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        let orphans: Vec<_> = {
            let mut state = self.shared.lock();
            state.closing = true;
            let queues = state.groups.values_mut();
            queues
                .map(|queue| std::mem::take(&mut queue.tasks))
                .collect()
        };
        self.shared.work.notify_all();
        self.shared.clock.notify_all();
        // Dropping a task may drop its group, which takes the lock.
        drop(orphans);
        // A guest that computes looks up only when the epoch moves, and the clock has stopped.
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            if let Some(engine) = self.shared.engine.upgrade() {
                engine.increment_epoch();
            }
            thread::sleep(Duration::from_millis(1));
        }
        for thread in self.threads.drain(..) {
            // A guest thread only ends in a panic if this file is wrong; there is nothing left to save then.
            let _ = thread.join();
        }
    }
}

// === impl Group ===

impl Group {
    /// Queues a guest. Dropping the returned task ends the guest and frees what it holds, on a guest thread.
    pub(super) fn spawn<F>(self: &Arc<Self>, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let group = Arc::clone(self);
        let schedule = move |runnable| group.shared.enqueue(group.key, runnable);
        let (runnable, task) = async_task::Builder::new()
            .propagate_panic(true)
            .spawn(|()| future, schedule);
        runnable.schedule();
        task
    }

    /// For a guest that has just finished, on its own thread: does `work`, which hands over the answer, soon.
    pub(super) fn hand_over(&self, work: impl FnOnce() + 'static) {
        hand_over(self.key, work);
    }

    /// For the epoch callback, on the guest's own thread: charges what was used so far and says whether the guest must
    /// give way.
    pub(super) fn checkpoint(&self) -> bool {
        deliver_before(self.key);
        // Before the guest goes on or another takes its place: threads of the server, or of its clients, may wait for
        // this core, and the kernel is in no hurry to let them.
        rustix::thread::sched_yield();
        let used = uncharged();
        let spare = is_spare();
        let mut state = self.shared.lock();
        state.charge(self.key, used, spare);
        let Some(queue) = state.groups.get(&self.key) else {
            return true;
        };
        if spare {
            let enough = self.account.wait_for_spare().is_none_or(|wait| wait > 0);
            return state.closing || enough || !state.eligible.is_empty();
        }
        let (mine, siblings_wait) = (queue.virtual_time, !queue.tasks.is_empty());
        let closing = state.closing;
        let other_first = state
            .eligible
            .first()
            .is_some_and(|(other, _)| *other < mine);
        closing || siblings_wait || other_first || self.account.wait() > 0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let queue = {
            let mut state = self.shared.lock();
            state.displace(self.key);
            state.groups.remove(&self.key)
        };
        drop(queue);
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, RunQueue> {
        self.state.lock()
    }

    fn now(&self) -> u64 {
        nanos(self.started.elapsed())
    }

    fn enqueue(&self, key: u64, runnable: Runnable) {
        let mut state = self.lock();
        let Some(queue) = state.groups.get_mut(&key) else {
            drop(state);
            return drop(runnable);
        };
        queue.tasks.push_back(runnable);
        // A task that gives way by itself, in front of nobody.
        let alone = queue.tasks.len() == 1 && polled() == Some(key);
        state.admit(key);
        if state.wakes_a_thread() {
            drop(state);
            self.work.notify_one();
            return;
        }
        if alone && state.eligible.is_empty() {
            return;
        }
        if state.running > 0 {
            state.contested_at = Some(self.now());
        }
        if std::mem::take(&mut state.clock_dozes) {
            self.clock.notify_one();
        }
        if state.waiting_threads == 0
            && state
                .eligible
                .first()
                .is_some_and(|(first, _)| state.running_spare > 0 || *first < state.floor)
        {
            drop(state);
            self.preempt();
        }
    }

    /// Makes every running guest look up, at most once in a while: those with no better claim than the newcomer yield.
    fn preempt(&self) {
        let (now, last) = (self.now(), self.preempted_at.load(Ordering::Relaxed));
        let due = now.saturating_sub(last) >= nanos(PREEMPT_EVERY);
        let won = due
            && self
                .preempted_at
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if won && let Some(engine) = self.engine.upgrade() {
            engine.increment_epoch();
        }
    }

    fn work(&self, index: usize) {
        begin();
        let mut turn: Option<Turn> = None;
        let mut state = self.lock();
        loop {
            if state.closing {
                return;
            }
            let now = self.now();
            let picked = state.pick(now);
            let next = picked.as_ref().map(|next| (next.key, next.spare));
            if let Some(over) = turn.take_if(|turn| next != Some((turn.key, turn.spare))) {
                // Asking for the time used is a system call, and not to be waited for.
                drop(state);
                let used = uncharged();
                state = self.lock();
                state.charge(over.key, used, over.spare);
                if picked.is_none() {
                    continue;
                }
            }
            if state.clock_waits && (picked.is_some() || !state.parked.is_empty()) {
                state.clock_waits = false;
                self.clock.notify_one();
            }
            let Some(Picked {
                key,
                runnable,
                spare,
            }) = picked
            else {
                if has_parcels() {
                    drop(state);
                    deliver();
                    state = self.lock();
                    continue;
                }
                state.waiting_threads += 1;
                state.waking = false;
                self.work.wait(&mut state);
                state.waiting_threads -= 1;
                continue;
            };
            state.waking = false;
            state.begun[index] = Some(now);
            let wakes = state.wakes_a_thread();
            drop(state);
            if wakes {
                self.work.notify_one();
            }
            deliver_before(key);
            turn.get_or_insert(Turn {
                key,
                since: now,
                spare,
            });
            set_spare(spare);
            set_polled(Some(key));
            runnable.run();
            set_polled(None);
            self.pool_flusher.wring();
            // Charged before its group stands in line again: one that used much must not come first once more.
            let long = turn.take_if(|turn| turn.is_long(self.now()));
            let used = long.map(|_| uncharged());
            state = self.lock();
            state.begun[index] = None;
            if let Some(used) = used {
                state.charge(key, used, spare);
            }
            state.finish(key, spare);
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
