//! How many visits one Space has at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::trouble::Trouble;
use crate::config::GatewayConfig;
use crate::domain::SpaceId;
use crate::routes::Entry;

/// The gates of all Spaces that were visited.
#[derive(Debug)]
pub(super) struct Gates {
    places: usize,
    queue: usize,
    patience: Duration,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    gates: HashMap<SpaceId, Arc<Gate>>,
    /// How many there may be before those of Spaces that are gone are swept.
    sweep_at: usize,
}

#[derive(Debug)]
struct Gate {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    space: Weak<Entry>,
}

/// A place in a queue; its drop leaves it.
struct Waiting<'g>(&'g Gate);

// === impl Gates ===

impl Gates {
    pub(super) fn new(config: &GatewayConfig) -> Self {
        Self {
            places: config.concurrency_per_space,
            queue: config.queue_per_space,
            patience: config.queue_timeout,
            known: RwLock::default(),
        }
    }

    /// A place for one visit, to be kept until its end. Whoever finds none queues, first come first served, if the
    /// queue has room.
    pub(super) async fn admit(&self, space: &Arc<Entry>) -> Result<OwnedSemaphorePermit, Trouble> {
        let gate = self.gate(space);
        if let Ok(place) = Arc::clone(&gate.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = gate.queue(self.queue).ok_or(Trouble::Full)?;
        let place = Arc::clone(&gate.places).acquire_owned();
        match tokio::time::timeout(self.patience, place).await {
            Ok(Ok(place)) => Ok(place),
            // Gates are never closed, so the inner error does not happen.
            Ok(Err(_)) | Err(_) => Err(Trouble::Full),
        }
    }

    fn gate(&self, space: &Arc<Entry>) -> Arc<Gate> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = known.gates.get(&space.id) {
            return Arc::clone(gate);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.gates.len() >= known.sweep_at {
            known.gates.retain(|_, gate| gate.is_needed(self.places));
            known.sweep_at = (2 * known.gates.len()).max(64);
        }
        let gate = known.gates.entry(space.id).or_insert_with(|| {
            Arc::new(Gate {
                places: Arc::new(Semaphore::new(self.places)),
                waiting: AtomicUsize::new(0),
                space: Arc::downgrade(space),
            })
        });
        Arc::clone(gate)
    }
}

// === impl Gate ===

impl Gate {
    fn queue(&self, room: usize) -> Option<Waiting<'_>> {
        let waiting = Waiting(self);
        (self.waiting.fetch_add(1, Ordering::AcqRel) < room).then_some(waiting)
    }

    fn is_needed(&self, places: usize) -> bool {
        self.space.strong_count() > 0 || self.places.available_permits() < places
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, SpaceName, Visibility};
    use crate::routes::{EntrySettings, RouteTable};

    fn entry(table: &RouteTable, name: &str) -> Arc<Entry> {
        let name: SpaceName = name.parse().expect("valid");
        let settings = EntrySettings {
            name: name.clone(),
            owner: AccountId::new(),
            visibility: Visibility::Public,
        };
        table.put(SpaceId::new(), name.subdomain().expect("short"), settings)
    }

    fn gates(places: usize, queue: usize) -> Gates {
        Gates {
            places,
            queue,
            patience: Duration::from_millis(200),
            known: RwLock::default(),
        }
    }

    #[tokio::test]
    async fn places_then_a_queue_then_nothing() {
        let (table, _nudges) = RouteTable::new();
        let (space, other) = (entry(&table, "a/b"), entry(&table, "a/c"));
        let gates = Arc::new(gates(2, 1));
        let first = gates.admit(&space).await.expect("room");
        let _second = gates.admit(&space).await.expect("room");
        let third = tokio::spawn({
            let (gates, space) = (Arc::clone(&gates), Arc::clone(&space));
            async move { gates.admit(&space).await }
        });
        tokio::task::yield_now().await;
        assert!(matches!(gates.admit(&space).await, Err(Trouble::Full)));
        let _elsewhere = gates.admit(&other).await.expect("a gate of its own");
        drop(first);
        let _third = third.await.expect("ended").expect("its turn came");
        // The queue is free again, but nobody leaves: the wait ends by itself.
        assert!(matches!(gates.admit(&space).await, Err(Trouble::Full)));
        assert_eq!(gates.gate(&space).waiting.load(Ordering::Acquire), 0);
    }

    #[tokio::test]
    async fn gates_of_spaces_that_are_gone_are_swept() {
        let (table, _nudges) = RouteTable::new();
        let gates = gates(1, 1);
        for number in 0..500 {
            let space = entry(&table, &format!("a/b{number}"));
            drop(gates.admit(&space).await.expect("room"));
            let settings = space.settings();
            table.remove(space.id, &settings.name.subdomain().expect("short"));
        }
        let known = gates.known.read().expect("whole");
        assert!(known.gates.len() <= 64, "{}", known.gates.len());
    }
}
