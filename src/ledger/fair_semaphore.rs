//! A few permits for many strangers, who take turns by where they come from.
//!
//! In a queue by arrival, one network that asks a hundred times makes everybody else wait for all hundred.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::FairQueue;
use crate::domain::site;

/// The permits. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct FairSemaphore {
    free: Arc<Semaphore>,
    /// By site: an IPv4 address or an IPv6 /48. The server's own work is one.
    queue: Arc<FairQueue<Option<IpAddr>>>,
}

/// A permit. Its drop gives it back.
#[derive(Debug)]
pub struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    of: FairSemaphore,
}

// === impl FairSemaphore ===

impl FairSemaphore {
    /// That many at once, one at least.
    pub fn new(permits: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(permits.max(1))),
            queue: Arc::default(),
        }
    }

    /// Waits for a permit on behalf of a client; `None` is the server itself. Dropped, it waits no longer.
    pub async fn take(&self, client: Option<IpAddr>) -> Turn {
        let ticket = self.queue.enter(client.map(site));
        loop {
            let mut changed = pin!(self.queue.changed());
            // What changes between the look and the wait is not missed.
            changed.as_mut().enable();
            if ticket.is_next(|_| false)
                && let Ok(permit) = Arc::clone(&self.free).try_acquire_owned()
            {
                ticket.served();
                return Turn {
                    permit: Some(permit),
                    of: self.clone(),
                };
            }
            changed.await;
        }
    }

    /// Whether somebody waits.
    pub fn are_wanted(&self) -> bool {
        !self.queue.is_empty()
    }
}

// === impl Turn ===

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.of.queue.look_again();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    fn address(number: u32) -> Option<IpAddr> {
        Some(Ipv4Addr::from(number).into())
    }

    #[tokio::test]
    async fn a_stranger_goes_before_the_second_of_a_crowd() {
        let turns = FairSemaphore::new(2);
        let held = [turns.take(address(1)).await, turns.take(address(1)).await];
        let crowd: Vec<_> = (0..100)
            .map(|_| {
                tokio::spawn({
                    let turns = turns.clone();
                    async move { drop(turns.take(address(1)).await) }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let stranger = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take(address(2)).await }
        });
        tokio::task::yield_now().await;
        assert!(turns.are_wanted());
        let [first, second] = held;
        drop(first);
        let stranger = stranger.await.expect("it gets the first");
        assert!(crowd.iter().all(|one| !one.is_finished()));
        drop((stranger, second));
        for one in crowd {
            one.await.expect("each gets one in the end");
        }
        assert!(!turns.are_wanted());
    }

    /// What somebody does.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Asks(u32),
        GivesUp(usize),
        GivesBack(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..4_u32).prop_map(Step::Asks),
            1 => (0..64_usize).prop_map(Step::GivesUp),
            3 => (0..64_usize).prop_map(Step::GivesBack),
        ]
    }

    proptest! {
        /// No permit is lost or made, and none is free while somebody waits.
        #[test]
        fn all_permits_are_in_use_while_somebody_waits(
            permits in 1..4_usize,
            steps in prop::collection::vec(step(), 0..120),
        ) {
            let turns = FairSemaphore::new(permits);
            let (mut held, mut waiting) = (Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Asks(site) => {
                        let asked = turns.clone();
                        waiting.push(async move { asked.take(address(site)).await }.boxed());
                    }
                    Step::GivesUp(which) if !waiting.is_empty() => {
                        let which = which % waiting.len();
                        drop(waiting.swap_remove(which));
                    }
                    Step::GivesBack(which) if !held.is_empty() => {
                        let which = which % held.len();
                        drop(held.swap_remove(which));
                    }
                    Step::GivesUp(_) | Step::GivesBack(_) => {}
                }
                let mut still = Vec::new();
                for mut one in waiting {
                    match (&mut one).now_or_never() {
                        Some(turn) => held.push(turn),
                        None => still.push(one),
                    }
                }
                waiting = still;
                prop_assert!(held.len() <= permits);
                prop_assert!(held.len() == permits || waiting.is_empty());
                prop_assert_eq!(turns.are_wanted(), !waiting.is_empty());
            }
            drop((held, waiting));
            prop_assert_eq!(turns.free.available_permits(), permits);
        }
    }
}
