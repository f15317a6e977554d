//! Makes room: when there is none, what holds a place or memory and is not used gives way, the longest idle first.

use parking_lot::Mutex;

use crate::domain::{AccountId, Millis, Resource, Space};
use crate::ledger::{Ledger, Refused, WorkloadAccount};
use crate::lifecycle::reconcile::registry::Registry;
use crate::lifecycle::reconcile::runtime_state::{HandleState, RuntimeState};
use crate::runtime::Runtimes;

/// Asks idle Spaces other than `whose` (of one owner, if `of` says so; otherwise those of its own owner first) to sleep
/// until what they hold covers what was refused, or nobody idle is left; whether it will be enough.
pub(in crate::lifecycle) fn ask_for_room(
    registry: &Registry,
    ledger: &Ledger,
    runtimes: &Runtimes,
    whose: &Space,
    of: Option<AccountId>,
    refused: &Refused,
) -> bool {
    let others: Vec<_> = (registry.all().into_iter())
        .filter(|(id, _)| *id != whose.id)
        .filter_map(|(id, own)| Some((ledger.known(id)?, own)))
        .filter(|(account, _)| of.is_none_or(|owner| account.owner.owner == owner))
        .collect();
    // Guests hold memory between requests where they are used again.
    let guests_too = |account: &WorkloadAccount| {
        refused.resource == Resource::Memory && account.memory.used() > 0
    };
    let mut missing = refused.missing();
    let mut idle = Vec::new();
    for (account, own) in others {
        if own.observed.lock().leaving {
            missing = missing.saturating_sub(held(&account, refused.resource));
        } else if let Some(since) = idle_since(&own.observed, runtimes, guests_too(&account)) {
            let foreign = account.owner.owner != whose.owner;
            idle.push((foreign, since, account, own));
        }
    }
    idle.sort_by_key(|(foreign, since, ..)| (*foreign, *since));
    for (_, _, account, own) in idle {
        if missing == 0 {
            return true;
        }
        missing = missing.saturating_sub(held(&account, refused.resource));
        own.observed.lock().give_way = true;
        // Also one that was asked before: it may have been in use then.
        own.nudge.notify_one();
    }
    missing == 0
}

/// How much of a resource a Space with one idle instance gives back by sleeping.
pub(in crate::lifecycle) fn held(account: &WorkloadAccount, resource: Resource) -> u64 {
    match resource {
        Resource::Memory => account.memory.used(),
        Resource::Cpu => u64::from(account.cpu_millis()),
        Resource::Instances => 1,
        _ => 0,
    }
}

/// Since when a Space holds a place for nobody; `None` when it is used or holds none. What computes for nobody gives way
/// too, after what has been idle for longer.
fn idle_since(
    observed: &Mutex<RuntimeState>,
    runtimes: &Runtimes,
    guests_too: bool,
) -> Option<Millis> {
    let observed = observed.lock();
    let mut since = None;
    for kept in observed
        .instances
        .iter()
        .filter(|kept| guests_too || runtimes.for_artifact(&kept.artifact).reserves())
    {
        match &kept.state {
            HandleState::Starting { .. } => return None,
            HandleState::Ready { serving, .. } => {
                let worked = runtimes.for_artifact(&kept.artifact).worked_at(kept.id);
                since = Some(serving.idle_since()?.max(worked.unwrap_or(0)));
            }
            HandleState::Ended { .. } => {}
        }
    }
    since
}
