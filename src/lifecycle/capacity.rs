//! Makes room: when the host is full, Spaces that hold memory and are not used give way, the longest idle first.

use std::sync::Mutex;

use super::observed::{KeptState, Observed};
use super::supervisor::{Everybody, lock};
use crate::domain::{Millis, SpaceId};
use crate::ledger::Ledger;
use crate::runtime::freezes;

/// Asks idle Spaces other than `whose` to sleep until what they hold covers `bytes`, or nobody idle is left; whether it
/// will be enough.
pub(super) fn ask_for_room(
    everybody: &Everybody,
    ledger: &Ledger,
    whose: SpaceId,
    bytes: u64,
) -> bool {
    let mut idle: Vec<_> = lock(everybody)
        .iter()
        .filter(|(id, _)| **id != whose)
        .filter_map(|(id, own)| Some((idle_since(&own.observed)?, *id, own.clone())))
        .collect();
    idle.sort_by_key(|(since, ..)| *since);
    let mut missing = bytes;
    for (_, id, own) in idle {
        if missing == 0 {
            return true;
        }
        let held = ledger.known(id).map_or(0, |account| account.memory.used());
        missing = missing.saturating_sub(held);
        let already = std::mem::replace(&mut lock(&own.observed).give_way, true);
        if !already {
            own.nudge.notify_one();
        }
    }
    missing == 0
}

/// Since when a Space holds memory for nobody; `None` when it is used or holds none.
fn idle_since(observed: &Mutex<Observed>) -> Option<Millis> {
    let observed = lock(observed);
    let mut since = None;
    for kept in observed
        .instances
        .iter()
        .filter(|kept| freezes(&kept.artifact))
    {
        match &kept.state {
            KeptState::Starting { .. } => return None,
            KeptState::Ready { serving, .. } => since = Some(serving.idle_since()?),
            KeptState::Ended { .. } => {}
        }
    }
    since
}
