//! An instance that answers, and how much it is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use http::HeaderMap;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::mpsc;

use crate::domain::{InstanceId, Millis, SpaceId, now};
use crate::net::Traffic;
use crate::upstream::{Pool, Upstream};

/// An instance that answers.
#[derive(Debug)]
pub struct Serving {
    /// Which one.
    pub instance: InstanceId,
    /// Where its requests go.
    pub upstream: Upstream,
    /// Connections kept to there; they end with the instance.
    pub connections: Arc<Pool>,
    /// What its answers say in place of its own headers of those names.
    pub headers: HeaderMap,
    /// What its visitors do, counted together with those of the Space's other instances.
    pub traffic: Arc<Traffic>,
    visits: AtomicUsize,
    /// Those of the visits that are kept open to be told something.
    watchers: Mutex<Vec<Arc<Watcher>>>,
    last_used: AtomicI64,
    draining: AtomicBool,
    space: SpaceId,
    nudge: mpsc::UnboundedSender<SpaceId>,
}

/// One visit under way; its drop ends it. Keep it until the body or tunnel has ended.
///
/// A visit is use while it lasts, unless it is made a watcher ([`Visit::watch`]): a WebSocket or an event stream stays
/// open for as long as a forgotten tab does, so that it is use only when it carries something ([`Visit::used`]), or while
/// whoever said something there waits for an answer ([`Visit::waits`]).
#[derive(Debug)]
pub struct Visit {
    serving: Arc<Serving>,
    watcher: Option<Arc<Watcher>>,
}

/// A visit that is kept open to be told something.
#[derive(Debug)]
struct Watcher {
    /// When it last was told something, or said it.
    last: AtomicI64,
    /// Until when it waits for an answer; 0 when it does not.
    waits_until: AtomicI64,
}

// === impl Serving ===

impl Serving {
    pub(super) fn new(
        space: SpaceId,
        instance: InstanceId,
        upstream: Upstream,
        headers: HeaderMap,
        traffic: Arc<Traffic>,
        nudge: mpsc::UnboundedSender<SpaceId>,
    ) -> Self {
        Self {
            instance,
            upstream,
            headers,
            connections: Arc::default(),
            traffic,
            visits: AtomicUsize::new(0),
            watchers: Mutex::default(),
            last_used: AtomicI64::new(now()),
            draining: AtomicBool::new(false),
            space,
            nudge,
        }
    }

    /// Counts a visit until the returned guard drops.
    pub fn visit(self: &Arc<Self>) -> Visit {
        self.visits.fetch_add(1, Ordering::AcqRel);
        Visit {
            serving: Arc::clone(self),
            watcher: None,
        }
    }

    /// Counts a visit that is no use of the Space, such as the sign of life of a page that somebody left open.
    pub fn glance(self: &Arc<Self>) -> Visit {
        let mut visit = self.visit();
        visit.become_watcher(0);
        visit
    }

    /// Control plane only: another instance has this one's place, so tell when the last visit ends.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Control plane only: counts as used now, though nobody visits.
    pub fn touch(&self) {
        self.last_used.store(now(), Ordering::Release);
    }

    /// Visits under way.
    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::Acquire)
    }

    /// Visits under way that are use: all but the watchers that have carried nothing since that moment.
    pub fn active(&self, since: Millis) -> usize {
        let watchers = self.watchers();
        let quiet = watchers
            .iter()
            .filter(|watcher| watcher.last.load(Ordering::Relaxed) < since)
            .count();
        self.visits().saturating_sub(quiet)
    }

    /// When it last was of use: a visit ended, or a watcher carried something (told within a second).
    pub fn last_used(&self) -> Millis {
        self.last_used.load(Ordering::Acquire)
    }

    /// Since when nobody uses it; `None` while a visit is under way that is no watcher, or waits for an answer. One that drains is in use until
    /// its watchers have left too: a stream is not cut off in the midst of what it tells.
    pub fn idle_since(&self) -> Option<Millis> {
        let users = if self.draining.load(Ordering::Acquire) {
            self.visits()
        } else {
            let now = now();
            let waits = |watcher: &&Arc<Watcher>| watcher.waits_until.load(Ordering::Relaxed) > now;
            let waiting = self.watchers().iter().filter(waits).count();
            waiting + self.active(Millis::MAX)
        };
        (users == 0).then(|| self.last_used())
    }

    fn watchers(&self) -> MutexGuard<'_, Vec<Arc<Watcher>>> {
        self.watchers.lock()
    }
}

// === impl Visit ===

impl Visit {
    /// Makes it a watcher, which is use now and then whenever it says so.
    pub fn watch(&mut self) {
        let now = now();
        self.serving.last_used.fetch_max(now, Ordering::AcqRel);
        self.become_watcher(now);
    }

    /// Says that the watcher carried something. `true` about once a second at most, when this is news.
    pub fn used(&self) -> bool {
        /// What passes within one second of another is one use.
        const GRAIN: Millis = 1000;
        let Some(watcher) = &self.watcher else {
            return false;
        };
        let now = now();
        if now - watcher.last.load(Ordering::Relaxed) < GRAIN {
            return false;
        }
        watcher.last.store(now, Ordering::Relaxed);
        self.serving.last_used.fetch_max(now, Ordering::AcqRel);
        true
    }

    /// Says that the watcher has asked something, and waits for an answer for that many milliseconds at most; or, with 0,
    /// that one has come.
    pub fn waits(&self, most: Millis) {
        if let Some(watcher) = &self.watcher {
            let until = if most > 0 {
                now().saturating_add(most)
            } else {
                0
            };
            watcher.waits_until.store(until, Ordering::Relaxed);
        }
    }

    /// The instance that is visited.
    pub fn serving(&self) -> &Arc<Serving> {
        &self.serving
    }

    fn become_watcher(&mut self, last: Millis) {
        if self.watcher.is_none() {
            let watcher = Arc::new(Watcher {
                last: AtomicI64::new(last),
                waits_until: AtomicI64::new(0),
            });
            self.serving.watchers().push(Arc::clone(&watcher));
            self.watcher = Some(watcher);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let serving = &self.serving;
        match &self.watcher {
            Some(watcher) => serving
                .watchers()
                .retain(|known| !Arc::ptr_eq(known, watcher)),
            None => serving.last_used.store(now(), Ordering::Release),
        }
        // Only an instance that waits to be stopped is in a hurry; a routed one is looked at when its idle time ends.
        let last = serving.visits.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && serving.draining.load(Ordering::Acquire) {
            let _ = serving.nudge.send(serving.space);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, RepoName, Visibility};
    use crate::routes::{EntrySettings, RouteTable};

    fn serving() -> Arc<Serving> {
        let (table, _nudges) = RouteTable::new();
        let name: RepoName = "a/b".parse().expect("valid");
        let settings = EntrySettings {
            name: name.clone(),
            owner: AccountId::new(),
            visibility: Visibility::Public,
        };
        let entry = table.put(SpaceId::new(), name.subdomain().expect("short"), settings);
        let address = ([127, 0, 0, 1], 1).into();
        entry.serving(InstanceId::new(), Upstream::Tcp(address))
    }

    #[test]
    fn a_request_is_use_while_it_lasts_and_a_watcher_when_it_carries_something() {
        let serving = serving();
        let later = now() + 60_000;
        let request = serving.visit();
        assert_eq!((serving.visits(), serving.active(later)), (1, 1));
        let mut watcher = serving.visit();
        watcher.watch();
        watcher.watch();
        assert_eq!(serving.active(later), 1);
        assert_eq!(serving.active(now() - 60_000), 2);
        drop(request);
        assert_eq!((serving.visits(), serving.active(later)), (1, 0));
        assert!(serving.idle_since().is_some(), "a tab left open is no use");
        serving.drain();
        assert_eq!(serving.idle_since(), None, "it is not cut off");

        let long_ago = now() - 100_000;
        let last = watcher.watcher.as_ref().expect("a watcher");
        last.last.store(long_ago, Ordering::Relaxed);
        serving.last_used.store(long_ago, Ordering::Relaxed);
        assert!(watcher.used() && !watcher.used(), "told once a second");
        assert!(serving.last_used() > long_ago);
        assert_eq!(serving.active(now() - 60_000), 1);

        // That a tab is closed at last is no use either.
        serving.last_used.store(long_ago, Ordering::Relaxed);
        drop(watcher);
        assert_eq!(serving.idle_since(), Some(long_ago));
        assert!(serving.watchers().is_empty());
    }

    #[test]
    fn who_waits_for_an_answer_uses_it_until_one_comes_or_for_long_enough() {
        let serving = serving();
        let mut watcher = serving.visit();
        watcher.watch();
        assert!(serving.idle_since().is_some());
        watcher.waits(60_000);
        assert_eq!(serving.idle_since(), None);
        watcher.waits(0);
        assert!(serving.idle_since().is_some(), "it was answered");
        watcher.waits(1);
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(serving.idle_since().is_some(), "it has waited long enough");
        watcher.waits(60_000);
        drop(watcher);
        assert!(serving.idle_since().is_some(), "it has left");
    }

    #[test]
    fn a_glance_is_no_use() {
        let serving = serving();
        serving.last_used.store(7, Ordering::Relaxed);
        let glance = serving.glance();
        assert_eq!((serving.visits(), serving.active(1)), (1, 0));
        drop(glance);
        assert_eq!(serving.last_used(), 7);
    }
}
