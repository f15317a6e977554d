//! How many visits one Space has at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::trouble::{Progress, Trouble};
use crate::config::GatewayConfig;
use crate::domain::SpaceId;
use crate::routes::{Entry, Route};

/// The gates of all Spaces that were visited.
#[derive(Debug)]
pub(super) struct Gates {
    places: usize,
    watchers: usize,
    queue: usize,
    patience: Duration,
    wake_patience: Duration,
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
    /// Of WebSockets and event streams, which stay.
    watchers: Arc<Semaphore>,
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
            watchers: config.watchers_per_space,
            queue: config.queue_per_space,
            patience: config.queue_timeout,
            wake_patience: config.wake_timeout,
            known: RwLock::default(),
        }
    }

    /// A place for one visit, to be kept until its end. Whoever finds none queues, first come first served, if the
    /// queue has room. While the Space is not awake, that is the queue of those who wait for it.
    pub(super) async fn admit(&self, space: &Arc<Entry>) -> Result<OwnedSemaphorePermit, Trouble> {
        let gate = self.gate(space);
        if let Ok(place) = Arc::clone(&gate.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = gate.queue(self.queue).ok_or(Trouble::Full)?;
        let place = Arc::clone(&gate.places).acquire_owned();
        let patience = match space.route() {
            Route::Serving(_) => self.patience,
            _ => self.patience.max(self.wake_patience),
        };
        match tokio::time::timeout(patience, place).await {
            Ok(Ok(place)) => Ok(place),
            // Gates are never closed, so the inner error does not happen.
            Ok(Err(_)) | Err(_) => Err(match space.route() {
                Route::Serving(_) => Trouble::Full,
                route => Trouble::Waking(Progress::of(&route)),
            }),
        }
    }

    /// A place among those who stay, if there is one.
    pub(super) fn admit_watcher(&self, space: &Arc<Entry>) -> Option<OwnedSemaphorePermit> {
        let watchers = Arc::clone(&self.gate(space).watchers);
        watchers.try_acquire_owned().ok()
    }

    fn gate(&self, space: &Arc<Entry>) -> Arc<Gate> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = known.gates.get(&space.id) {
            return Arc::clone(gate);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.gates.len() >= known.sweep_at {
            known
                .gates
                .retain(|_, gate| gate.is_needed(self.places, self.watchers));
            known.sweep_at = (2 * known.gates.len()).max(64);
        }
        let gate = known.gates.entry(space.id).or_insert_with(|| {
            Arc::new(Gate {
                places: Arc::new(Semaphore::new(self.places)),
                watchers: Arc::new(Semaphore::new(self.watchers)),
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

    fn is_needed(&self, places: usize, watchers: usize) -> bool {
        self.space.strong_count() > 0
            || self.places.available_permits() < places
            || self.watchers.available_permits() < watchers
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
    use crate::domain::{AccountId, InstanceId, SpaceName, Visibility};
    use crate::routes::{EntrySettings, RouteTable};
    use crate::upstream::Upstream;

    fn entry(table: &RouteTable, name: &str) -> Arc<Entry> {
        let name: SpaceName = name.parse().expect("valid");
        let settings = EntrySettings {
            name: name.clone(),
            owner: AccountId::new(),
            visibility: Visibility::Public,
        };
        let entry = table.put(SpaceId::new(), name.subdomain().expect("short"), settings);
        let nobody = Upstream::Tcp(([127, 0, 0, 1], 1).into());
        entry.set(Route::Serving(entry.serving(InstanceId::new(), nobody)));
        entry
    }

    fn gates(places: usize, queue: usize) -> Gates {
        Gates {
            places,
            watchers: 1,
            queue,
            patience: Duration::from_millis(200),
            wake_patience: Duration::from_millis(600),
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

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_for_a_sleeping_space_are_given_its_time_to_wake() {
        let (table, _nudges) = RouteTable::new();
        let space = entry(&table, "a/b");
        space.set(Route::Asleep);
        let gates = gates(1, 1);
        let _first = gates.admit(&space).await.expect("room");
        let began = tokio::time::Instant::now();
        let second = gates.admit(&space).await;
        assert!(matches!(second, Err(Trouble::Waking(_))));
        assert_eq!(began.elapsed(), gates.wake_patience);
    }

    #[tokio::test]
    async fn those_who_stay_have_places_of_their_own() {
        let (table, _nudges) = RouteTable::new();
        let space = entry(&table, "a/b");
        let gates = gates(1, 0);
        let watcher = gates.admit_watcher(&space).expect("room");
        assert!(gates.admit_watcher(&space).is_none());
        let _request = gates.admit(&space).await.expect("room");
        drop(watcher);
        assert!(gates.admit_watcher(&space).is_some());
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
