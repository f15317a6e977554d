//! Who sends to which store, so that xorbs are removed when they are needed no more, and not while they are.
//!
//! Xorbs are kept for clients that would otherwise send the same chunks again. That is worth less than room for what an
//! owner wants to keep: when room is short, those of which the files were put together go. A client remembers what it has
//! sent to an address, so the next upload is given another one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::address::Store;
use crate::domain::{AccountId, Millis};

/// An upload of which nothing came for this long was given up.
const GIVEN_UP: Duration = Duration::from_secs(3600);

/// The stores that something was sent to since the server started.
#[derive(Debug, Default)]
pub(in crate::repo) struct Senders(Mutex<HashMap<Store, Sent>>);

#[derive(Debug)]
struct Sent {
    /// Requests under way.
    requests: usize,
    /// Whether the files of all that was sent were put together, as far as that can be known.
    finished: bool,
    /// Whether there was no room for some of it, so that its files will not be.
    refused: bool,
    last: Instant,
}

/// A request under way; its drop ends it.
#[derive(Debug)]
pub(super) struct Sending {
    senders: Arc<Senders>,
    store: Store,
}

// === impl Senders ===

impl Senders {
    fn lock(&self) -> MutexGuard<'_, HashMap<Store, Sent>> {
        self.0.lock()
    }

    /// Where an account sends to now: where it sent before, as long as that is there and of the same day.
    pub(super) fn current(&self, account: AccountId, now: Millis) -> Store {
        let mut sent = self.lock();
        let new = Store::new(account, now);
        let known = sent.keys().find(|store| store.is_like(new)).copied();
        known.unwrap_or_else(|| {
            sent.insert(new, Sent::new());
            new
        })
    }

    /// Begins a request that sends to a store.
    pub(super) fn begin(self: &Arc<Self>, store: Store) -> Sending {
        let mut all = self.lock();
        let sent = all.entry(store).or_insert_with(Sent::new);
        sent.requests += 1;
        sent.finished = false;
        drop(all);
        Sending {
            senders: Arc::clone(self),
            store,
        }
    }

    /// Forgets stores that take nothing any more.
    pub(super) fn forget_closed(&self, now: Millis) {
        self.lock()
            .retain(|store, sent| sent.requests > 0 || store.is_open(now));
    }

    /// Whether a store may go: its upload has ended and nothing was sent to it for `idle`, or it was given up.
    /// Nobody is led to it from then on. `age` is the time since something came of one that an earlier process knew.
    pub(super) fn give_up(&self, store: Store, idle: Duration, age: Duration) -> bool {
        let mut sent = self.lock();
        let may_go = match sent.get(&store) {
            Some(known) => {
                let has_ended = known.finished || known.refused;
                let idle = if has_ended { idle } else { GIVEN_UP };
                known.requests == 0 && known.last.elapsed() >= idle
            }
            None => age >= GIVEN_UP,
        };
        if may_go {
            sent.remove(&store);
        }
        may_go
    }
}

// === impl Sent ===

impl Sent {
    fn new() -> Self {
        Self {
            requests: 0,
            finished: false,
            refused: false,
            last: Instant::now(),
        }
    }
}

// === impl Sending ===

impl Sending {
    /// Its files were put together.
    pub(super) fn finished(&self) {
        if let Some(sent) = self.senders.lock().get_mut(&self.store) {
            sent.finished = true;
        }
    }

    /// There was no room for what came.
    pub(super) fn refused(&self) {
        if let Some(sent) = self.senders.lock().get_mut(&self.store) {
            sent.refused = true;
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(sent) = self.senders.lock().get_mut(&self.store) {
            sent.requests = sent.requests.saturating_sub(1);
            sent.last = Instant::now();
        }
    }
}
