//! The one book of who holds and who used how much.
//!
//! Three tiers: a Space (its hardware), its owner (the quota) and the host (its capacity). Whatever is held is a value
//! whose drop gives it back in all tiers; nobody counts first and takes later. CPU is [`Credit`]: charged by whoever
//! runs a Space's code, for wasm by the poll and for containers by their measured use, to the same bucket.

mod credit;
mod memory;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use credit::Credit;
pub use memory::{MemoryBook, MemoryHold, MemoryRefused, Tier};

use crate::domain::{AccountId, Limits, SpaceId};

/// What the ledger is opened with.
#[derive(Debug, Clone)]
pub struct LedgerLimits {
    /// Bytes of memory all Spaces together may hold.
    pub host_memory: u64,
    /// Bytes of memory the Spaces of one owner may hold.
    pub owner_memory: u64,
    /// CPU time a Space may save, in nanoseconds.
    pub cpu_burst: u64,
    /// Builds under way at once.
    pub builds: usize,
}

/// The book. Cheap to clone; all clones are the same book.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: LedgerLimits,
    clock: Instant,
    host: Arc<MemoryBook>,
    cpu_nanos: Arc<AtomicU64>,
    owners: Mutex<HashMap<AccountId, Arc<MemoryBook>>>,
    spaces: Mutex<HashMap<SpaceId, Arc<SpaceAccount>>>,
    builds: Arc<Semaphore>,
}

/// A Space's page in the book.
#[derive(Debug)]
pub struct SpaceAccount {
    /// Which Space.
    pub space: SpaceId,
    /// Memory held.
    pub memory: Arc<MemoryBook>,
    /// What it used since the server started.
    pub usage: Usage,
    credit: Mutex<Credit>,
    cpu_millis: AtomicU64,
    host_cpu_nanos: Arc<AtomicU64>,
    clock: Instant,
}

/// Running totals since the server started.
#[derive(Debug, Default)]
pub struct Usage {
    /// CPU time in nanoseconds.
    pub cpu_nanos: AtomicU64,
    /// Time in nanoseconds that work waited because the credit was spent.
    pub throttled_nanos: AtomicU64,
    /// Requests that reached the Space.
    pub requests: AtomicU64,
}

/// The right to build; its drop gives it back.
#[derive(Debug)]
pub struct BuildPermit {
    _permit: OwnedSemaphorePermit,
}

// === impl Ledger ===

impl Ledger {
    /// An empty book.
    pub fn new(limits: LedgerLimits) -> Self {
        Self(Arc::new(Inner {
            clock: Instant::now(),
            host: MemoryBook::new(Tier::Host, limits.host_memory, None),
            cpu_nanos: Arc::default(),
            owners: Mutex::default(),
            spaces: Mutex::default(),
            builds: Arc::new(Semaphore::new(limits.builds.max(1))),
            limits,
        }))
    }

    /// The page of a Space, opened when it is not there yet, with its limits set anew. Saved credit, debt and held
    /// memory stay: a restart is no way to a fresh bucket.
    pub fn space(&self, space: SpaceId, owner: AccountId, limits: Limits) -> Arc<SpaceAccount> {
        let mut spaces = self.0.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        let account = spaces.entry(space).or_insert_with(|| {
            let memory = MemoryBook::new(Tier::Space, limits.memory_bytes, Some(self.owner(owner)));
            Arc::new(SpaceAccount {
                space,
                memory,
                usage: Usage::default(),
                credit: Mutex::new(Credit::new(limits.cpu_millis, self.0.limits.cpu_burst, 0)),
                cpu_millis: AtomicU64::new(0),
                host_cpu_nanos: Arc::clone(&self.0.cpu_nanos),
                clock: self.0.clock,
            })
        });
        account.memory.set_limit(limits.memory_bytes);
        account.set_cpu(limits.cpu_millis, self.0.limits.cpu_burst);
        Arc::clone(account)
    }

    /// The page of a Space, if it was opened.
    pub fn known(&self, space: SpaceId) -> Option<Arc<SpaceAccount>> {
        let spaces = self.0.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        spaces.get(&space).cloned()
    }

    /// Every open page.
    pub fn accounts(&self) -> Vec<Arc<SpaceAccount>> {
        let spaces = self.0.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        spaces.values().cloned().collect()
    }

    /// Closes the page of a Space that is gone. What it still holds is given back when its holders drop.
    pub fn forget(&self, space: SpaceId) {
        let mut spaces = self.0.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        spaces.remove(&space);
    }

    /// Memory held by all Spaces.
    pub fn host(&self) -> &MemoryBook {
        &self.0.host
    }

    /// CPU time in nanoseconds that all Spaces, those that are gone among them, used since the server started.
    pub fn cpu_nanos(&self) -> u64 {
        self.0.cpu_nanos.load(Ordering::Relaxed)
    }

    /// The memory of an owner, for what is held for none of their Spaces: builds.
    pub fn owner_memory(&self, owner: AccountId) -> Arc<MemoryBook> {
        self.owner(owner)
    }

    /// Waits for the right to build, first come, first served.
    pub async fn build_permit(&self) -> BuildPermit {
        let permit = Arc::clone(&self.0.builds).acquire_owned().await;
        BuildPermit {
            _permit: permit.expect("the semaphore is never closed"),
        }
    }

    fn owner(&self, owner: AccountId) -> Arc<MemoryBook> {
        let mut owners = self.0.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let book = owners.entry(owner).or_insert_with(|| {
            MemoryBook::new(
                Tier::Owner,
                self.0.limits.owner_memory,
                Some(Arc::clone(&self.0.host)),
            )
        });
        Arc::clone(book)
    }
}

// === impl SpaceAccount ===

impl SpaceAccount {
    /// The rate in millicores.
    pub fn cpu_millis(&self) -> u32 {
        u32::try_from(self.cpu_millis.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }

    /// Charges CPU time in nanoseconds.
    pub fn charge(&self, nanos: u64) {
        self.usage.cpu_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.host_cpu_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.credit().charge(nanos, self.now());
    }

    /// Nanoseconds until there is credit; zero when there is.
    pub fn wait(&self) -> u64 {
        self.credit().wait(self.now())
    }

    /// Credit left in nanoseconds; negative is debt.
    pub fn balance(&self) -> i64 {
        self.credit().balance(self.now())
    }

    fn set_cpu(&self, millis: u32, burst: u64) {
        if self.cpu_millis.swap(u64::from(millis), Ordering::Relaxed) != u64::from(millis) {
            self.credit().set(millis, burst, self.now());
        }
    }

    fn credit(&self) -> std::sync::MutexGuard<'_, Credit> {
        self.credit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
