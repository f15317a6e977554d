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
//! neighbours that spin. A group whose credit is spent is parked until the refill: slowed, never killed.
//!
//! A guest that computes is interrupted at every tick of the engine's epoch ([`Group::checkpoint`]), and at once when a
//! group with a better claim arrives while all threads are busy.
//!
//! Threads: `guest-N` polls guests, `guest-clock` moves the epoch and wakes parked groups. All hold the I/O runtime's
//! handle, so that timers and sockets a guest waits for are driven there.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use async_task::{Runnable, Task};
use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Engine, EngineWeak};

use super::decommit::Wringer;
use crate::ledger::SpaceAccount;

/// Virtual nanoseconds of head start for a group that had nothing to run.
const HEAD_START: u64 = 10_000_000;

/// Least time between two interruptions on behalf of newcomers.
const PREEMPT_EVERY: Duration = Duration::from_micros(200);

/// Ticks without work after which the clock thread goes to sleep.
const IDLE_TICKS: u32 = 100;

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
    account: Arc<SpaceAccount>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    clock: Condvar,
    engine: EngineWeak,
    started: Instant,
    preempted_at: AtomicU64,
    wringer: Wringer,
}

#[derive(Default)]
struct State {
    groups: HashMap<u64, Queue>,
    /// By virtual time.
    eligible: BTreeSet<(u64, u64)>,
    /// By the moment, in nanoseconds since the scheduler started, at which there is credit again.
    parked: BTreeSet<(u64, u64)>,
    /// The greatest virtual time at which a group was picked.
    floor: u64,
    running: usize,
    waiting_threads: usize,
    /// A thread has been woken and has not looked yet. It wakes the next one if there is more than it can do, so a
    /// burst of small tasks does not wake every thread for nothing.
    waking: bool,
    clock_waits: bool,
    closing: bool,
    next_key: u64,
}

struct Queue {
    account: Arc<SpaceAccount>,
    tasks: VecDeque<Runnable>,
    running: usize,
    share: usize,
    /// CPU nanoseconds used, divided by the group's size in cores.
    virtual_time: u64,
    place: Place,
}

/// Under which key a group stands in which set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Eligible(u64),
    Parked(u64),
}

thread_local! {
    /// This thread's CPU time, in nanoseconds, up to which everything has been charged.
    static CHARGED: Cell<u64> = const { Cell::new(0) };
    /// What this thread is still to hand over.
    static OUTBOX: RefCell<Outbox> = const { RefCell::new(Outbox::new()) };
}

/// Answers on their way to the gateway, handed over a few at a time.
///
/// Each of them wakes a thread of the gateway, which the kernel then runs at once in place of this one: with one
/// switch for each request, switching is most of the work. So the answers of one Space wait for each other, a moment at
/// most, and never behind another Space.
struct Outbox {
    group: u64,
    since: Option<Instant>,
    parcels: Vec<Box<dyn FnOnce()>>,
}

/// Answers that may wait for each other, and how long the first may wait.
const PARCELS: usize = 8;
const PARCEL_WAIT: Duration = Duration::from_micros(100);

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
            wringer: Wringer::new(engine)?,
        });
        let mut scheduler = Self {
            shared: Arc::clone(&shared),
            threads: Vec::new(),
        };
        for index in 0..settings.threads.max(1) {
            let (shared, runtime) = (Arc::clone(&shared), tokio::runtime::Handle::current());
            let body = move || {
                run_in_batches();
                let _inside = runtime.enter();
                shared.work();
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

    /// A new group for the Space of that account, with at most `ceil(cores)` threads at once.
    pub(super) fn group(&self, account: Arc<SpaceAccount>) -> Arc<Group> {
        let mut state = self.shared.lock();
        let key = state.next_key;
        state.next_key += 1;
        let queue = Queue {
            share: usize::try_from(account.cpu_millis().div_ceil(1000))
                .unwrap_or(1)
                .max(1),
            account: Arc::clone(&account),
            tasks: VecDeque::new(),
            running: 0,
            virtual_time: state.floor,
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
        OUTBOX.with_borrow_mut(|outbox| {
            outbox.group = self.key;
            outbox.since.get_or_insert_with(Instant::now);
            outbox.parcels.push(Box::new(work));
        });
    }

    /// For the epoch callback, on the guest's own thread: charges what was used so far and says whether the guest must
    /// give way.
    pub(super) fn checkpoint(&self) -> bool {
        if OUTBOX.with_borrow(|outbox| outbox.is_due(self.key)) {
            deliver();
        }
        let used = uncharged();
        self.account.charge(used);
        let mut state = self.shared.lock();
        let Some(queue) = state.groups.get_mut(&self.key) else {
            return true;
        };
        queue.age(used);
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
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn enqueue(&self, key: u64, runnable: Runnable) {
        let mut state = self.lock();
        let Some(queue) = state.groups.get_mut(&key) else {
            drop(state);
            return drop(runnable);
        };
        queue.tasks.push_back(runnable);
        state.admit(key);
        if state.wakes_a_thread() {
            drop(state);
            self.work.notify_one();
        } else if state.waiting_threads == 0
            && state
                .eligible
                .first()
                .is_some_and(|(first, _)| *first < state.floor)
        {
            drop(state);
            self.preempt();
        }
    }

    /// Makes every running guest look up, at most once in a while: those with no better claim than the newcomer yield.
    fn preempt(&self) {
        let (now, last) = (self.now(), self.preempted_at.load(Ordering::Relaxed));
        let pause = u64::try_from(PREEMPT_EVERY.as_nanos()).unwrap_or(u64::MAX);
        let due = now.saturating_sub(last) >= pause;
        let won = due
            && self
                .preempted_at
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if won && let Some(engine) = self.engine.upgrade() {
            engine.increment_epoch();
        }
    }

    fn work(&self) {
        CHARGED.set(thread_cpu());
        let mut state = self.lock();
        loop {
            if state.closing {
                return;
            }
            let picked = state.pick(self.now());
            if state.clock_waits && (picked.is_some() || !state.parked.is_empty()) {
                state.clock_waits = false;
                self.clock.notify_one();
            }
            let Some((key, runnable)) = picked else {
                if OUTBOX.with_borrow(|outbox| !outbox.parcels.is_empty()) {
                    drop(state);
                    deliver();
                    state = self.lock();
                    continue;
                }
                state.waiting_threads += 1;
                state.waking = false;
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.waiting_threads -= 1;
                continue;
            };
            state.waking = false;
            let wakes = state.wakes_a_thread();
            drop(state);
            if wakes {
                self.work.notify_one();
            }
            if OUTBOX.with_borrow(|outbox| outbox.is_due(key)) {
                deliver();
            }
            runnable.run();
            self.wringer.wring();
            let used = uncharged();
            state = self.lock();
            state.finish(key, used);
        }
    }

    fn run_clock(&self, tick: Duration) {
        let mut idle = 0;
        loop {
            thread::sleep(tick);
            let mut state = self.lock();
            if state.closing {
                return;
            }
            let woken = state.unpark(self.now());
            let busy = state.running > 0;
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
            if busy && let Some(engine) = self.engine.upgrade() {
                engine.increment_epoch();
            }
        }
    }
}

// === impl State ===

impl State {
    /// Whether the caller is to wake a thread: there is something to do, somebody to do it, and nobody on the way.
    fn wakes_a_thread(&mut self) -> bool {
        let wakes = self.waiting_threads > 0 && !self.waking && !self.eligible.is_empty();
        self.waking |= wakes;
        wakes
    }

    /// Puts a group among those that may run, if it has something to run and a thread left in its share.
    fn admit(&mut self, key: u64) {
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

    /// The next task to poll. Groups found without credit are parked on the way.
    fn pick(&mut self, now: u64) -> Option<(u64, Runnable)> {
        while let Some((virtual_time, key)) = self.eligible.pop_first() {
            let Some(queue) = self.groups.get_mut(&key) else {
                continue;
            };
            queue.place = Place::Nowhere;
            let wait = queue.account.wait();
            if wait > 0 {
                let due = now.saturating_add(wait);
                queue.place = Place::Parked(due);
                self.parked.insert((due, key));
                let waited = &queue.account.usage.throttled_nanos;
                waited.fetch_add(wait, Ordering::Relaxed);
                continue;
            }
            let Some(runnable) = queue.tasks.pop_front() else {
                continue;
            };
            queue.running += 1;
            self.running += 1;
            self.floor = self.floor.max(virtual_time);
            self.admit(key);
            return Some((key, runnable));
        }
        None
    }

    /// Takes note that a poll of that group has ended after `used` nanoseconds not yet charged.
    fn finish(&mut self, key: u64, used: u64) {
        self.running -= 1;
        if let Some(queue) = self.groups.get_mut(&key) {
            queue.running -= 1;
            queue.account.charge(used);
            queue.age(used);
        }
        self.admit(key);
    }

    /// Lets groups whose moment has come run again; how many there were.
    fn unpark(&mut self, now: u64) -> usize {
        let mut woken = 0;
        while let Some((due, key)) = self.parked.first().copied().filter(|(due, _)| *due <= now) {
            self.parked.remove(&(due, key));
            if let Some(queue) = self.groups.get_mut(&key) {
                queue.place = Place::Nowhere;
            }
            self.admit(key);
            woken += 1;
        }
        woken
    }

    fn displace(&mut self, key: u64) {
        match self.groups.get(&key).map(|queue| queue.place) {
            Some(Place::Eligible(virtual_time)) => self.eligible.remove(&(virtual_time, key)),
            Some(Place::Parked(due)) => self.parked.remove(&(due, key)),
            Some(Place::Nowhere) | None => false,
        };
    }
}

// === impl Queue ===

impl Queue {
    fn age(&mut self, used: u64) {
        let size = u64::from(self.account.cpu_millis().max(1));
        self.virtual_time = self
            .virtual_time
            .saturating_add(used.saturating_mul(1000) / size);
    }
}

// === impl Outbox ===

impl Outbox {
    const fn new() -> Self {
        Self {
            group: 0,
            since: None,
            parcels: Vec::new(),
        }
    }

    /// Whether the parcels must go before a task of that group is run.
    fn is_due(&self, next: u64) -> bool {
        self.since.is_some_and(|since| {
            self.group != next || self.parcels.len() >= PARCELS || since.elapsed() >= PARCEL_WAIT
        })
    }
}

/// Makes this thread one that the kernel runs in longer turns and that, when woken, takes nobody's place (`SCHED_BATCH`,
/// sched(7)): the gateway's threads keep theirs, and both sides do more between two switches.
#[expect(
    unsafe_code,
    reason = "no safe interface to sched_setscheduler is among our libraries"
)]
fn run_in_batches() {
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the call reads the parameter and changes the calling thread's policy, nothing else. A kernel that refuses
    // leaves an ordinary thread, which works too.
    let _ = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameter) };
}

fn deliver() {
    // Taken out first: what is delivered may run code that comes back here.
    let parcels = OUTBOX.with_borrow_mut(|outbox| {
        outbox.since = None;
        std::mem::take(&mut outbox.parcels)
    });
    for parcel in parcels {
        parcel();
    }
}

/// CPU time of this thread in nanoseconds.
fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// CPU time this thread has used since it was last asked.
///
/// What the thread spends on scheduling falls to whom it serves next, so that the sum over all Spaces is the CPU time
/// of the threads.
fn uncharged() -> u64 {
    let now = thread_cpu();
    now.saturating_sub(CHARGED.replace(now))
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
