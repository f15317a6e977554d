//! How many visits one Space has at once, and how many of them are one visitor's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::line::{Asked, Line};
use super::trouble::{Progress, Trouble};
use super::visitor::{Clocks, Rate, Visitor};
use crate::config::GatewayConfig;
use crate::domain::SpaceId;
use crate::routes::{Entry, Route};

/// The gates of all Spaces that were visited.
#[derive(Debug)]
pub(super) struct Gates {
    limits: Limits,
    patience: Duration,
    wake_patience: Duration,
    rate_per_visitor: Rate,
    rate_per_space: Rate,
    visitors: Clocks<(SpaceId, Visitor)>,
    spaces: Clocks<SpaceId>,
    known: RwLock<Known>,
}

/// Of each Space.
#[derive(Debug, Clone, Copy)]
struct Limits {
    places: usize,
    places_of_one: usize,
    watchers: usize,
    watchers_of_one: usize,
    queue: usize,
}

#[derive(Debug, Default)]
struct Known {
    gates: HashMap<SpaceId, Arc<Gate>>,
    /// How many there may be before those of Spaces that are gone are swept.
    sweep_at: usize,
}

#[derive(Debug)]
struct Gate {
    visits: Mutex<Line<Wait>>,
    /// Of WebSockets and event streams, which stay. Nobody waits to be one.
    watchers: Mutex<Line<()>>,
    waits: AtomicU64,
    space: Weak<Entry>,
}

/// One who waits in a line.
#[derive(Debug)]
struct Wait {
    number: u64,
    /// Told when there is a place; dropped when the wait is lost to somebody else's.
    turn: oneshot::Sender<()>,
}

/// A place at a Space; its drop gives it to whoever is next.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    visitor: Visitor,
    watches: bool,
}

/// A wait for a place; its drop leaves the line, or gives back the place that came at the last moment.
struct Waiting {
    gate: Arc<Gate>,
    visitor: Visitor,
    number: u64,
    turn: oneshot::Receiver<()>,
    over: bool,
}

// === impl Gates ===

impl Gates {
    pub(super) fn new(config: &GatewayConfig) -> Self {
        Self {
            limits: Limits {
                places: config.concurrency_per_space,
                places_of_one: config.concurrency_per_visitor,
                watchers: config.watchers_per_space,
                watchers_of_one: config.watchers_per_visitor,
                queue: config.queue_per_space,
            },
            patience: config.queue_timeout,
            wake_patience: config.wake_timeout,
            rate_per_visitor: Rate::per_second(config.rate_per_visitor),
            rate_per_space: Rate::per_second(config.rate_per_space),
            visitors: Clocks::default(),
            spaces: Clocks::default(),
            known: RwLock::default(),
        }
    }

    /// Counts a request, which may come too soon after others.
    pub(super) fn count(&self, space: SpaceId, visitor: Visitor) -> Result<(), Trouble> {
        let now = Instant::now();
        self.rate_per_visitor
            .count(&self.visitors, (space, visitor), now)
            .map_err(Trouble::TooFast)?;
        self.rate_per_space
            .count(&self.spaces, space, now)
            .map_err(|_| Trouble::Full)
    }

    /// A place for one visit, to be kept until its end. Whoever finds none queues, and the visitors take turns. While
    /// the Space is not awake, that is the queue of those who wait for it.
    pub(super) async fn admit(
        &self,
        space: &Arc<Entry>,
        visitor: Visitor,
    ) -> Result<Place, Trouble> {
        let gate = self.gate(space);
        let mut waiting = match gate.ask(visitor)? {
            Ok(place) => return Ok(place),
            Err(waiting) => waiting,
        };
        let patience = match space.route() {
            Route::Serving(_) => self.patience,
            _ => self.patience.max(self.wake_patience),
        };
        match tokio::time::timeout(patience, &mut waiting.turn).await {
            Ok(Ok(())) => {
                waiting.over = true;
                Ok(gate.place(visitor, false))
            }
            Ok(Err(_)) => Err(Trouble::TooMany),
            Err(_) => Err(match space.route() {
                Route::Serving(_) => Trouble::Full,
                route => Trouble::Waking(Progress::of(&route)),
            }),
        }
    }

    /// A place among those who stay, if there is one.
    pub(super) fn admit_watcher(
        &self,
        space: &Arc<Entry>,
        visitor: Visitor,
    ) -> Result<Place, Trouble> {
        let gate = self.gate(space);
        let asked = lock(&gate.watchers).ask(visitor, || ());
        match asked {
            Asked::Place => Ok(gate.place(visitor, true)),
            Asked::Full { of_own: true } => Err(Trouble::TooMany),
            _ => Err(Trouble::Full),
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
            known.gates.retain(|_, gate| gate.is_needed());
            known.sweep_at = (2 * known.gates.len()).max(64);
        }
        let limits = self.limits;
        let gate = known.gates.entry(space.id).or_insert_with(|| {
            Arc::new(Gate {
                visits: Mutex::new(Line::new(limits.places, limits.places_of_one, limits.queue)),
                watchers: Mutex::new(Line::new(limits.watchers, limits.watchers_of_one, 0)),
                waits: AtomicU64::new(0),
                space: Arc::downgrade(space),
            })
        });
        Arc::clone(gate)
    }
}

// === impl Gate ===

impl Gate {
    /// A place, or a wait for one.
    fn ask(self: &Arc<Self>, visitor: Visitor) -> Result<Result<Place, Waiting>, Trouble> {
        let mut turn = None;
        let asked = lock(&self.visits).ask(visitor, || {
            let number = self.waits.fetch_add(1, Ordering::Relaxed);
            let (tell, told) = oneshot::channel();
            turn = Some((number, told));
            Wait { number, turn: tell }
        });
        match (asked, turn) {
            (Asked::Place, _) => Ok(Ok(self.place(visitor, false))),
            // The wait that is lost for this one ends with the drop of the other side of its turn.
            (Asked::Waits(_), Some((number, turn))) => Ok(Err(Waiting {
                gate: Arc::clone(self),
                visitor,
                number,
                turn,
                over: false,
            })),
            (Asked::Full { of_own: true }, _) => Err(Trouble::TooMany),
            _ => Err(Trouble::Full),
        }
    }

    fn place(self: &Arc<Self>, visitor: Visitor, watches: bool) -> Place {
        Place {
            gate: Arc::clone(self),
            visitor,
            watches,
        }
    }

    fn is_needed(&self) -> bool {
        let used = !lock(&self.visits).is_empty() || !lock(&self.watchers).is_empty();
        used || self.space.strong_count() > 0
    }
}

/// Gives a place back, and to whoever is next.
fn leave(line: &mut Line<Wait>, visitor: Visitor) {
    line.leave(visitor);
    while let Some(wait) = line.next() {
        // One who does not listen any more has found that the turn had come (the drop of `Waiting`, under this lock).
        let _ = wait.turn.send(());
    }
}

fn lock<T>(line: &Mutex<Line<T>>) -> MutexGuard<'_, Line<T>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Place ===

impl Place {
    pub(super) fn visitor(&self) -> Visitor {
        self.visitor
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.watches {
            lock(&self.gate.watchers).leave(self.visitor);
        } else {
            leave(&mut lock(&self.gate.visits), self.visitor);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut line = lock(&self.gate.visits);
        let gave_up = line.give_up(self.visitor, |wait| wait.number == self.number);
        if !gave_up && self.turn.try_recv().is_ok() {
            leave(&mut line, self.visitor);
        }
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
            limits: Limits {
                places,
                places_of_one: places,
                watchers: 2,
                watchers_of_one: 1,
                queue,
            },
            patience: Duration::from_millis(200),
            wake_patience: Duration::from_millis(600),
            rate_per_visitor: Rate::per_second(0.0),
            rate_per_space: Rate::per_second(0.0),
            visitors: Clocks::default(),
            spaces: Clocks::default(),
            known: RwLock::default(),
        }
    }

    fn who(number: u8) -> Visitor {
        Visitor::of([192, 0, 2, number].into())
    }

    #[tokio::test]
    async fn places_then_a_queue_then_nothing() {
        let (table, _nudges) = RouteTable::new();
        let (space, other) = (entry(&table, "a/b"), entry(&table, "a/c"));
        let gates = Arc::new(gates(2, 1));
        let first = gates.admit(&space, who(1)).await.expect("room");
        let _second = gates.admit(&space, who(1)).await.expect("room");
        let third = tokio::spawn({
            let (gates, space) = (Arc::clone(&gates), Arc::clone(&space));
            async move { gates.admit(&space, who(1)).await }
        });
        tokio::task::yield_now().await;
        let own_fault = gates.admit(&space, who(1)).await;
        assert!(matches!(own_fault, Err(Trouble::TooMany)));
        assert!(matches!(
            gates.admit(&space, who(2)).await,
            Err(Trouble::Full)
        ));
        let _elsewhere = gates.admit(&other, who(1)).await.expect("its own gate");
        drop(first);
        let _third = third.await.expect("ended").expect("its turn came");
        // The queue is free again, but nobody leaves: the wait ends by itself.
        assert!(matches!(
            gates.admit(&space, who(1)).await,
            Err(Trouble::Full)
        ));
        assert!(lock(&gates.gate(&space).visits).next().is_none());
    }

    #[tokio::test]
    async fn a_wait_that_is_lost_to_another_visitor_ends_at_once() {
        let (table, _nudges) = RouteTable::new();
        let space = entry(&table, "a/b");
        let gates = Arc::new(gates(1, 2));
        let place = gates.admit(&space, who(1)).await.expect("room");
        let wait = |visitor| {
            let (gates, space) = (Arc::clone(&gates), Arc::clone(&space));
            tokio::spawn(async move { gates.admit(&space, visitor).await })
        };
        let (first, second) = (wait(who(1)), wait(who(1)));
        tokio::task::yield_now().await;
        let other = wait(who(2));
        let lost = second.await.expect("ended");
        assert!(matches!(lost, Err(Trouble::TooMany)), "{lost:?}");
        drop(place);
        drop(other.await.expect("ended").expect("its turn came"));
        first.await.expect("ended").expect("its turn came");
    }

    /// A visitor who leaves at the very moment at which the turn comes must not take the place along.
    #[tokio::test]
    async fn a_turn_that_nobody_takes_is_passed_on() {
        let (table, _nudges) = RouteTable::new();
        let space = entry(&table, "a/b");
        let gates = gates(1, 2);
        let place = gates.admit(&space, who(1)).await.expect("room");
        let mut gone = Box::pin(gates.admit(&space, who(2)));
        let mut next = Box::pin(gates.admit(&space, who(3)));
        assert!(futures_util::poll!(&mut gone).is_pending());
        assert!(futures_util::poll!(&mut next).is_pending());
        drop(place);
        drop(gone);
        drop(next.await.expect("passed on"));
        assert!(lock(&gates.gate(&space).visits).is_empty());
    }

    #[tokio::test]
    async fn those_who_wait_for_a_sleeping_space_are_given_its_time_to_wake() {
        let (table, _nudges) = RouteTable::new();
        let space = entry(&table, "a/b");
        space.set(Route::Asleep);
        let gates = gates(1, 1);
        let _first = gates.admit(&space, who(1)).await.expect("room");
        let began = tokio::time::Instant::now();
        let second = gates.admit(&space, who(1)).await;
        assert!(matches!(second, Err(Trouble::Waking(_))));
        assert!(began.elapsed() >= gates.wake_patience);
    }

    #[tokio::test]
    async fn those_who_stay_have_places_of_their_own() {
        let (table, _nudges) = RouteTable::new();
        let space = entry(&table, "a/b");
        let gates = gates(1, 0);
        let watcher = gates.admit_watcher(&space, who(1)).expect("room");
        let second = gates.admit_watcher(&space, who(1));
        assert!(matches!(second, Err(Trouble::TooMany)));
        let _other = gates.admit_watcher(&space, who(2)).expect("room");
        let third = gates.admit_watcher(&space, who(3));
        assert!(matches!(third, Err(Trouble::Full)));
        let _request = gates.admit(&space, who(1)).await.expect("room");
        drop(watcher);
        assert!(gates.admit_watcher(&space, who(1)).is_ok());
    }

    #[tokio::test]
    async fn gates_of_spaces_that_are_gone_are_swept() {
        let (table, _nudges) = RouteTable::new();
        let gates = gates(1, 1);
        for number in 0..500 {
            let space = entry(&table, &format!("a/b{number}"));
            drop(gates.admit(&space, who(1)).await.expect("room"));
            let settings = space.settings();
            table.remove(space.id, &settings.name.subdomain().expect("short"));
        }
        let known = gates.known.read().expect("whole");
        assert!(known.gates.len() <= 64, "{}", known.gates.len());
    }
}
