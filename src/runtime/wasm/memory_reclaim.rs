//! Memory for a guest that was refused some: what is idle gives way.

use std::time::{Duration, Instant};

use crate::ledger::{Refused, Tier};
use crate::runtime::AskForRoom;

/// Ends idle instances until what was refused is there, or none is left; whether there were any.
pub(super) type Evict = Box<dyn Fn(&Refused) -> bool + Send + Sync>;

/// Where the memory of one store can come from.
pub(super) struct Room {
    evict: Evict,
    ask: AskForRoom,
}

/// How long a guest waits for containers that end: as long as one is given to.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between two tries meanwhile.
const AGAIN: Duration = Duration::from_millis(100);

// === impl Room ===

impl Room {
    /// Room by what `evict` ends of this runtime's own, and then by what is asked of others.
    pub(super) fn new(evict: Evict, ask: AskForRoom) -> Self {
        Self { evict, ask }
    }

    /// Makes room for what was refused since that moment, or waits a little while it is made; whether another try is worth it.
    /// Idle instances go first, those of the same Space or owner before others and the oldest before newer ones; then what the
    /// control plane finds.
    pub(super) async fn make(&self, refused: &Refused, since: Instant) -> bool {
        if (self.evict)(refused) {
            return true;
        }
        if refused.tier == Tier::Space || since.elapsed() >= PATIENCE || !(self.ask)(refused) {
            return false;
        }
        tokio::time::sleep(AGAIN).await;
        true
    }
}
