//! Builds under way: so many at once, so many of one owner, and owners take turns.

use std::sync::Arc;

use super::{Book, FairQueue, Hold, OwnerAccount, Tier};
use crate::domain::{AccountId, Resource};

/// The host's builds.
#[derive(Debug)]
pub(super) struct Builds {
    running: Arc<Book>,
    queue: Arc<FairQueue>,
}

/// The right to build; its drop gives it back.
#[derive(Debug)]
pub struct BuildPermit {
    /// Given back before the others are told.
    held: Option<(Hold, Hold)>,
    queue: Arc<FairQueue>,
}

// === impl Builds ===

impl Builds {
    pub(super) fn new(at_once: usize) -> Self {
        let limit = u64::try_from(at_once.max(1)).unwrap_or(u64::MAX);
        Self {
            running: Book::new(Resource::Builds, Tier::Host, limit, None),
            queue: Arc::default(),
        }
    }

    /// Waits for a permit. `full` says of an owner that it has as many builds as it may.
    pub(super) async fn permit(
        this: &Arc<Self>,
        owner: &OwnerAccount,
        full: impl Fn(AccountId) -> bool,
    ) -> BuildPermit {
        let ticket = this.queue.enter(owner.owner);
        loop {
            let mut changed = std::pin::pin!(this.queue.changed());
            // From here on no change is missed.
            changed.as_mut().enable();
            if ticket.is_next(&full)
                && let Some(held) = this.hold(owner)
            {
                ticket.served();
                return BuildPermit {
                    held: Some(held),
                    queue: Arc::clone(&this.queue),
                };
            }
            changed.await;
        }
    }

    pub(super) fn look_again(&self) {
        self.queue.look_again();
    }

    pub(super) fn counts(&self) -> (u64, usize) {
        (self.running.used(), self.queue.len())
    }

    fn hold(&self, owner: &OwnerAccount) -> Option<(Hold, Hold)> {
        let (mut own, mut host) = (owner.builds.hold(), self.running.hold());
        own.grow(1).ok()?;
        host.grow(1).ok()?;
        Some((own, host))
    }
}

impl Drop for BuildPermit {
    fn drop(&mut self) {
        self.held = None;
        self.queue.look_again();
    }
}
