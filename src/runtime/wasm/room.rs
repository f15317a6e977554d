//! Memory for a guest that was refused some: what is idle gives way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::guest::{Guest, House};
use crate::domain::{AccountId, SpaceId};
use crate::ledger::{Refused, Tier};
use crate::runtime::AskForRoom;

/// Where the memory of one store can come from.
pub(super) struct Room {
    house: Arc<House>,
    space: SpaceId,
    owner: AccountId,
    ask: AskForRoom,
}

/// How long a guest waits for containers that end: as long as one is given to.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between two tries meanwhile.
const AGAIN: Duration = Duration::from_millis(100);

// === impl Room ===

impl Room {
    pub(super) fn of(guest: &Guest) -> Self {
        Self {
            house: Arc::clone(&guest.house),
            space: guest.spec.space,
            owner: guest.spec.account.owner.owner,
            ask: Arc::clone(&guest.spec.ask_for_room),
        }
    }

    /// Makes room for what was refused since that moment, or waits a little while it is made; whether another try is worth it.
    /// Idle instances go first, those of the same Space or owner before others and the oldest before newer ones; then what the
    /// control plane finds.
    pub(super) async fn make(&self, refused: &Refused, since: Instant) -> bool {
        if self.evict(refused) {
            return true;
        }
        if refused.tier == Tier::Space || since.elapsed() >= PATIENCE || !(self.ask)(refused) {
            return false;
        }
        tokio::time::sleep(AGAIN).await;
        true
    }

    /// Ends idle instances until what is missing is there, or none is left; whether there were any.
    fn evict(&self, refused: &Refused) -> bool {
        let mut missing = refused.missing();
        let mut evicted = false;
        while missing > 0 {
            let oldest = self.house.oldest_idle(|guest| {
                let owner = guest.spec.account.owner.owner == self.owner;
                let near = match refused.tier {
                    Tier::Space => guest.spec.space == self.space,
                    Tier::Owner => owner,
                    Tier::Host => true,
                };
                near.then_some(!owner)
            });
            let Some(bytes) = oldest.and_then(|guest| guest.end_oldest_idle()) else {
                break;
            };
            missing = missing.saturating_sub(bytes);
            evicted = true;
        }
        evicted
    }
}
