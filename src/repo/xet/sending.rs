//! Who sends to which store, so that xorbs are removed when they are needed no more, and not while they are.
//!
//! Xorbs are kept for clients that would otherwise send the same chunks again. That is worth less than room for what an
//! owner wants to keep: when room is short, those of which the files were put together go. A client remembers what it has
//! sent to an address, so the next upload is given another one.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use uuid::Uuid;

use super::store::Store;
use crate::domain::{AccountId, Millis};
use crate::repo::large::entries;
use crate::repo::{RepoError, Repos};

/// An upload of which nothing came for this long was given up.
const GIVEN_UP: Duration = Duration::from_secs(3600);

/// An upload may go on with a second shard after its first.
const BETWEEN_SHARDS: Duration = Duration::from_secs(30);

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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where an account sends to now: where it sent before, as long as that is there and of the same day.
    fn current(&self, account: AccountId, now: Millis) -> Store {
        let mut sent = self.lock();
        let new = Store::new(account, now);
        let known = sent.keys().find(|store| store.is_like(new)).copied();
        known.unwrap_or_else(|| {
            sent.insert(new, Sent::new());
            new
        })
    }

    /// Whether a store may go: its upload has ended and nothing was sent to it for `idle`, or it was given up.
    /// Nobody is led to it from then on. `age` is the time since something came of one that an earlier process knew.
    fn give_up(&self, store: Store, idle: Duration, age: Duration) -> bool {
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

// === impl Repos ===

impl Repos {
    /// Where an account sends xorbs to at a moment.
    pub fn xet_store(&self, account: AccountId, now: Millis) -> Store {
        self.senders().current(account, now)
    }

    /// Begins a request that sends to a store.
    pub(super) fn sending(&self, store: Store) -> Sending {
        let senders = Arc::clone(self.senders());
        let mut all = senders.lock();
        let sent = all.entry(store).or_insert_with(Sent::new);
        sent.requests += 1;
        sent.finished = false;
        drop(all);
        Sending { senders, store }
    }

    /// Removes the xorbs of an account that no upload under way needs; `at_once` also those of an upload that ended within
    /// the last half minute. Whether there were some.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn free_xorbs(&self, account: AccountId, at_once: bool) -> Result<bool, RepoError> {
        let idle = if at_once {
            Duration::ZERO
        } else {
            BETWEEN_SHARDS
        };
        let repos = self.clone();
        self.work(move || {
            let stores = repos.stores(|owner| owner == account.to_string())?;
            repos.remove_stores(stores, idle)
        })
        .await
    }

    /// Removes the xorbs of days past, and of uploads that were given up.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn sweep_xorbs(&self, now: Millis) -> Result<(), RepoError> {
        let repos = self.clone();
        self.work(move || {
            for day in entries(&repos.xorbs())? {
                let number = day.file_name().to_str().and_then(|name| name.parse().ok());
                if number.is_none_or(|number: i64| Store::is_past(number, now)) {
                    fs::remove_dir_all(day.path())?;
                }
            }
            let mut sent = repos.senders().lock();
            sent.retain(|store, sent| sent.requests > 0 || store.is_open(now));
            drop(sent);
            // Those of a finished upload are of use for as long as they have their address.
            repos.remove_stores(repos.stores(|_| true)?, Duration::MAX)?;
            Ok(())
        })
        .await
    }

    /// The stores on disk of accounts that are `wanted`, and where they are.
    fn stores(&self, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<(Store, PathBuf)>> {
        let mut found = Vec::new();
        for day in entries(&self.xorbs())? {
            for account in entries(&day.path())? {
                if !account.file_name().to_str().is_some_and(&wanted) {
                    continue;
                }
                for store in entries(&account.path())? {
                    let path = store.path();
                    found.extend(Store::of_folder(&path).map(|store| (store, path)));
                }
            }
        }
        Ok(found)
    }

    fn remove_stores(
        &self,
        stores: Vec<(Store, PathBuf)>,
        idle: Duration,
    ) -> Result<bool, RepoError> {
        let mut removed = false;
        for (store, folder) in stores {
            let written = fs::metadata(&folder)?.modified()?;
            let age = SystemTime::now().duration_since(written);
            if self.senders().give_up(store, idle, age.unwrap_or_default()) {
                let away = self.aside().join(Uuid::now_v7().simple().to_string());
                fs::rename(folder, &away)?;
                fs::remove_dir_all(away)?;
                removed = true;
            }
        }
        Ok(removed)
    }
}
