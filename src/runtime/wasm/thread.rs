//! What belongs to one guest thread: its CPU time, its manners towards the kernel, and the answers it is to hand over.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

thread_local! {
    /// This thread's CPU time, in nanoseconds, up to which everything has been charged.
    static CHARGED: Cell<u64> = const { Cell::new(0) };
    /// Whether the time it uses now is time that nobody else wants.
    static SPARE: Cell<bool> = const { Cell::new(false) };
    /// The group whose task it polls.
    static POLLED: Cell<Option<u64>> = const { Cell::new(None) };
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

/// Nanoseconds for which the kernel leaves this thread its core although another one waits.
const KERNEL_TURN: u64 = 100_000;

/// Begins to count this thread's CPU time.
pub(super) fn begin() {
    CHARGED.set(thread_cpu());
}

/// Says whether the time this thread uses from now on is time that nobody else wants.
pub(super) fn set_spare(spare: bool) {
    SPARE.set(spare);
}

/// What was last said of it.
pub(super) fn is_spare() -> bool {
    SPARE.get()
}

/// Says whose task this thread polls from now on, if any.
pub(super) fn set_polled(group: Option<u64>) {
    POLLED.set(group);
}

/// What was last said of it; `None` on other threads.
pub(super) fn polled() -> Option<u64> {
    POLLED.get()
}

/// Puts work that hands over an answer of that group with the others.
pub(super) fn hand_over(group: u64, work: impl FnOnce() + 'static) {
    OUTBOX.with_borrow_mut(|outbox| {
        outbox.group = group;
        outbox.since.get_or_insert_with(Instant::now);
        outbox.parcels.push(Box::new(work));
    });
}

/// Whether there is anything to hand over.
pub(super) fn has_parcels() -> bool {
    OUTBOX.with_borrow(|outbox| !outbox.parcels.is_empty())
}

/// Hands over what must go before a task of that group is run.
pub(super) fn deliver_before(next: u64) {
    if OUTBOX.with_borrow(|outbox| outbox.is_due(next)) {
        deliver();
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

/// Makes this thread one that, when woken, takes nobody's place (`SCHED_BATCH`, sched(7)), so that the gateway's threads
/// do more between two switches, and that has short turns where the kernel knows of such (sched_setattr(2), from 6.12
/// on): whoever wakes waits for the end of the turn that is on.
#[expect(
    unsafe_code,
    reason = "no safe interface to sched_setattr is among our libraries"
)]
pub(super) fn run_behind() {
    let attributes = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).unwrap_or_default(),
        sched_policy: u32::try_from(libc::SCHED_BATCH).unwrap_or_default(),
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: KERNEL_TURN,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the call reads the attributes and changes how the calling thread is scheduled, nothing else. A kernel that
    // refuses leaves an ordinary thread, which works too.
    let _ = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}

pub(super) fn deliver() {
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
pub(super) fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// CPU time this thread has used since it was last asked.
///
/// What the thread spends on scheduling falls to whom it serves next, so that the sum over all Spaces is the CPU time
/// of the threads.
pub(super) fn uncharged() -> u64 {
    let now = thread_cpu();
    now.saturating_sub(CHARGED.replace(now))
}
