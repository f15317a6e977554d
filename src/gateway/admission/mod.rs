//! How many visits one Space has at once, and how many of them are one visitor's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;

use super::rejection::{Progress, Rejection};
use crate::config::GatewayConfig;
use crate::domain::SpaceId;
use crate::routes::{Entry, Route};

mod client_key;
mod rate_limit;
#[cfg(test)]
mod tests;
mod visitor_queue;

use rate_limit::{RateClocks, RateLimit};
use visitor_queue::{Asked, VisitorQueue};

pub(super) use client_key::ClientKey;

/// Who may come in, at all Spaces that were visited.
#[derive(Debug)]
pub(super) struct Admission {
    limits: Limits,
    patience: Duration,
    wake_patience: Duration,
    rate_per_visitor: RateLimit,
    rate_per_space: RateLimit,
    visitors: RateClocks<(SpaceId, ClientKey)>,
    spaces: RateClocks<SpaceId>,
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
    spaces: HashMap<SpaceId, Arc<SpaceAdmission>>,
    /// How many there may be before those of Spaces that are gone are swept.
    sweep_at: usize,
}

#[derive(Debug)]
struct SpaceAdmission {
    visits: Mutex<VisitorQueue<Wait>>,
    /// Of WebSockets and event streams, which stay. Nobody waits to be one.
    watchers: Mutex<VisitorQueue<()>>,
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
pub(super) struct VisitPermit {
    /// `None` where answers are free.
    limit: Option<Arc<SpaceAdmission>>,
    visitor: ClientKey,
    watches: bool,
}

/// Those who wait for a place at a Space.
#[derive(Debug)]
pub(super) struct QueuePressure(Option<Arc<SpaceAdmission>>);

/// A wait for a place; its drop leaves the line, or gives back the place that came at the last moment.
struct Waiting {
    limit: Arc<SpaceAdmission>,
    visitor: ClientKey,
    number: u64,
    turn: oneshot::Receiver<()>,
    over: bool,
}

// === impl Admission ===

impl Admission {
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
            rate_per_visitor: RateLimit::per_second(config.rate_per_visitor),
            rate_per_space: RateLimit::per_second(config.rate_per_space),
            visitors: RateClocks::default(),
            spaces: RateClocks::default(),
            known: RwLock::default(),
        }
    }

    /// Counts a request, which may come too soon after others.
    pub(super) fn count(&self, space: SpaceId, visitor: ClientKey) -> Result<(), Rejection> {
        let now = Instant::now();
        self.rate_per_visitor
            .count(&self.visitors, (space, visitor), now)
            .map_err(Rejection::TooFast)?;
        self.rate_per_space
            .count(&self.spaces, space, now)
            .map_err(|_| Rejection::Full)
    }

    /// A place for one visit, to be kept until its end. Whoever finds none queues, and the visitors take turns. While
    /// the Space is not awake, that is the queue of those who wait for it.
    pub(super) async fn admit(
        &self,
        space: &Arc<Entry>,
        visitor: ClientKey,
    ) -> Result<VisitPermit, Rejection> {
        let limit = self.limit(space);
        let mut waiting = match limit.ask(visitor)? {
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
                Ok(limit.place(visitor, false))
            }
            Ok(Err(_)) => Err(Rejection::TooMany),
            Err(_) => Err(match space.route() {
                Route::Serving(_) => Rejection::Full,
                route => Rejection::Waking(Progress::of(&route)),
            }),
        }
    }

    /// A place among those who stay, if there is one.
    pub(super) fn admit_watcher(
        &self,
        space: &Arc<Entry>,
        visitor: ClientKey,
    ) -> Result<VisitPermit, Rejection> {
        let limit = self.limit(space);
        let asked = limit.watchers.lock().ask(visitor, || ());
        match asked {
            Asked::Permit => Ok(limit.place(visitor, true)),
            Asked::Full { of_own: true } => Err(Rejection::TooMany),
            _ => Err(Rejection::Full),
        }
    }

    fn limit(&self, space: &Arc<Entry>) -> Arc<SpaceAdmission> {
        let known = self.known.read();
        if let Some(limit) = known.spaces.get(&space.id) {
            return Arc::clone(limit);
        }
        drop(known);
        let mut known = self.known.write();
        if known.spaces.len() >= known.sweep_at {
            known.spaces.retain(|_, limit| limit.is_needed());
            known.sweep_at = (2 * known.spaces.len()).max(64);
        }
        let limits = self.limits;
        let limit = known.spaces.entry(space.id).or_insert_with(|| {
            Arc::new(SpaceAdmission {
                visits: Mutex::new(VisitorQueue::new(
                    limits.places,
                    limits.places_of_one,
                    limits.queue,
                )),
                watchers: Mutex::new(VisitorQueue::new(
                    limits.watchers,
                    limits.watchers_of_one,
                    0,
                )),
                waits: AtomicU64::new(0),
                space: Arc::downgrade(space),
            })
        });
        Arc::clone(limit)
    }
}

// === impl SpaceAdmission ===

impl SpaceAdmission {
    /// A place, or a wait for one.
    fn ask(
        self: &Arc<Self>,
        visitor: ClientKey,
    ) -> Result<Result<VisitPermit, Waiting>, Rejection> {
        let mut turn = None;
        let asked = self.visits.lock().ask(visitor, || {
            let number = self.waits.fetch_add(1, Ordering::Relaxed);
            let (tell, told) = oneshot::channel();
            turn = Some((number, told));
            Wait { number, turn: tell }
        });
        match (asked, turn) {
            (Asked::Permit, _) => Ok(Ok(self.place(visitor, false))),
            // The wait that is lost for this one ends with the drop of the other side of its turn.
            (Asked::Waits(_), Some((number, turn))) => Ok(Err(Waiting {
                limit: Arc::clone(self),
                visitor,
                number,
                turn,
                over: false,
            })),
            (Asked::Full { of_own: true }, _) => Err(Rejection::TooMany),
            _ => Err(Rejection::Full),
        }
    }

    fn place(self: &Arc<Self>, visitor: ClientKey, watches: bool) -> VisitPermit {
        VisitPermit {
            limit: Some(Arc::clone(self)),
            visitor,
            watches,
        }
    }

    fn is_needed(&self) -> bool {
        let used = !self.visits.lock().is_empty() || !self.watchers.lock().is_empty();
        used || self.space.strong_count() > 0
    }
}

/// Gives a place back, and to whoever is next.
fn leave(line: &mut VisitorQueue<Wait>, visitor: ClientKey) {
    line.leave(visitor);
    while let Some(wait) = line.next() {
        // One who does not listen any more has found that the turn had come (the drop of `Waiting`, under this lock).
        let _ = wait.turn.send(());
    }
}

// === impl Crowd ===

impl QueuePressure {
    /// Whether somebody is there who would be given a place.
    pub(super) fn waits(&self) -> bool {
        let limit = self.0.as_ref();
        limit.is_some_and(|limit| limit.visits.lock().is_waited_for())
    }
}

// === impl VisitPermit ===

impl VisitPermit {
    /// Where answers take nothing that visitors would have to share.
    pub(super) fn free(visitor: ClientKey) -> Self {
        Self {
            limit: None,
            visitor,
            watches: false,
        }
    }

    pub(super) fn visitor(&self) -> ClientKey {
        self.visitor
    }

    /// Who waits for such a place.
    pub(super) fn pressure(&self) -> QueuePressure {
        QueuePressure(self.limit.clone())
    }
}

impl Drop for VisitPermit {
    fn drop(&mut self) {
        let Some(limit) = &self.limit else {
            return;
        };
        if self.watches {
            limit.watchers.lock().leave(self.visitor);
        } else {
            leave(&mut limit.visits.lock(), self.visitor);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut line = self.limit.visits.lock();
        let gave_up = line.give_up(self.visitor, |wait| wait.number == self.number);
        if !gave_up && self.turn.try_recv().is_ok() {
            leave(&mut line, self.visitor);
        }
    }
}
