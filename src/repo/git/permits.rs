//! How many git processes run at once, and which of them go on when others wait.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::ledger::{FairSemaphore, Turn};

/// The right to run git processes. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub(in crate::repo) struct GitPermits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    processes: usize,
    turns: FairSemaphore,
    slow: AtomicUsize,
}

/// How long a client may keep git waiting while others wait for git. What it takes wins time back, up to this much.
#[derive(Debug)]
pub(super) struct StallBudget {
    left: Duration,
    most: Duration,
}

/// Bytes a second that a client takes at least, in the long run, while others wait.
const PACE: u64 = 64 << 10;

/// One who is counted; its drop ends that.
struct Counted<'a>(&'a AtomicUsize);

/// One of those who hold a permit and wait for their clients.
pub(super) struct Slow<'a> {
    of: Counted<'a>,
    most: usize,
}

// === impl GitPermits ===

impl GitPermits {
    pub(in crate::repo) fn new(processes: usize) -> Self {
        Self(Arc::new(Inner {
            processes,
            turns: FairSemaphore::new(processes),
            slow: AtomicUsize::new(0),
        }))
    }

    /// Waits until another git process may run for that client, or for nobody. Whoever holds the permit waits for no
    /// client, or is [impatient](Patience) with it.
    pub(in crate::repo) async fn take(&self, client: Option<IpAddr>) -> Turn {
        self.0.turns.take(client).await
    }

    /// Whoever holds a permit waits for its client as long as this is not dropped.
    pub(super) fn slow(&self) -> Slow<'_> {
        Slow {
            of: Counted::new(&self.0.slow),
            most: (self.0.processes / 2).max(1),
        }
    }

    /// Whether somebody waits.
    pub(super) fn are_wanted(&self) -> bool {
        self.0.turns.are_wanted()
    }
}

// === impl Slow ===

impl Slow<'_> {
    /// Whether more than half of the permits are held like that, so that they do not all go round at their clients' pace.
    pub(super) fn are_too_many(&self) -> bool {
        self.of.0.load(Ordering::Relaxed) > self.most
    }
}

// === impl Counted ===

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl StallBudget ===

impl StallBudget {
    /// With a client that may be so far behind.
    pub(super) fn new(most: Duration) -> Self {
        Self { left: most, most }
    }

    /// What is left of it.
    pub(super) fn left(&self) -> Duration {
        self.left
    }

    /// The client has kept git waiting for so long.
    pub(super) fn waited(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }

    /// The client has taken that many bytes.
    pub(super) fn took(&mut self, bytes: usize) {
        let micros = (bytes as u64).saturating_mul(1_000_000) / PACE;
        let won = Duration::from_micros(micros);
        self.left = (self.left + won).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_keeps_the_pace_is_never_behind() {
        let mut stall_budget = StallBudget::new(Duration::from_secs(10));
        for _ in 0..1000 {
            stall_budget.waited(Duration::from_secs(1));
            stall_budget.took(64 << 10);
        }
        assert_eq!(stall_budget.left(), stall_budget.most);
        // What it took at once before is no credit beyond that.
        stall_budget.took(1 << 30);
        for _ in 0..20 {
            stall_budget.waited(Duration::from_secs(1));
            stall_budget.took(32 << 10);
        }
        // The last piece won half a second.
        assert_eq!(stall_budget.left(), Duration::from_millis(500));
    }
}
