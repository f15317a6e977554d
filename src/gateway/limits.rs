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

#[cfg(test)]
mod tests;

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
    /// `None` where answers are free.
    gate: Option<Arc<Gate>>,
    visitor: Visitor,
    watches: bool,
}

/// Those who wait for a place at a Space.
#[derive(Debug)]
pub(super) struct Crowd(Option<Arc<Gate>>);

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
            gate: Some(Arc::clone(self)),
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

// === impl Crowd ===

impl Crowd {
    /// Whether somebody is there who would be given a place.
    pub(super) fn waits(&self) -> bool {
        let gate = self.0.as_ref();
        gate.is_some_and(|gate| lock(&gate.visits).is_waited_for())
    }
}

// === impl Place ===

impl Place {
    /// Where answers take nothing that visitors would have to share.
    pub(super) fn free(visitor: Visitor) -> Self {
        Self {
            gate: None,
            visitor,
            watches: false,
        }
    }

    pub(super) fn visitor(&self) -> Visitor {
        self.visitor
    }

    /// Who waits for such a place.
    pub(super) fn crowd(&self) -> Crowd {
        Crowd(self.gate.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(gate) = &self.gate else {
            return;
        };
        if self.watches {
            lock(&gate.watchers).leave(self.visitor);
        } else {
            leave(&mut lock(&gate.visits), self.visitor);
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
