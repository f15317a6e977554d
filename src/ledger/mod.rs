//! The one book of who holds and who used how much.
//!
//! Three tiers: a Space (its hardware), its owner (the quota) and the host (its capacity). Whatever is held is a value
//! whose drop gives it back in all tiers; nobody counts first and takes later. CPU is [`Credit`]: charged by whoever
//! runs a Space's code, for wasm by the poll and for containers by their measured use, to the same bucket.
//!
//! ```text
//!  what            held by                      Space          owner         host
//!  memory          whoever holds it             hardware       quota         capacity, never more
//!  CPU time        spent, paid by waiting       hardware       quota         guest threads
//!  spare CPU time  counted, never owed          × cpu_spare    quota         whatever is left
//!  CPU in sum      a container, as a ContainerSlot            quota         cores × overcommit
//!  instances       a container, as a ContainerSlot            quota
//!  builds          a BuildPermit                one            quota         at once in its lane
//!  disk, files     a DiskReservation, then measured            quota
//!  CPU per day     counted                                     quota
//!  builds per day  counted                                     quota
//!  bytes per day   counted                                     quota
//! ```

mod builds;
mod container_slot;
mod credit;
mod day;
mod disk;
mod fair_semaphore;
mod owner;
mod queue;
mod quota_pool;
mod workload;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use builds::{BuildPermit, BuildTurns, Lane, Lanes, Waiting};
pub use container_slot::ContainerSlot;
pub use credit::Credit;
pub use day::Day;
pub use disk::{DiskReservation, DiskUse, Measuring};
pub use fair_semaphore::{FairSemaphore, Turn};
pub use owner::OwnerAccount;
pub use queue::{FairQueue, Ticket};
pub use quota_pool::{QuotaPool, Refused, Reservation, Tier};
pub use workload::{Usage, UsageDelta, WorkloadAccount};

use crate::domain::{AccountId, DiskAmount, Limits, Quota, Resource, UsageCounts, WorkloadId, now};
use builds::Builds;
use disk::Disk;
use owner::Host;
use parking_lot::Mutex;

/// What the ledger is opened with.
#[derive(Debug, Clone)]
pub struct LedgerLimits {
    /// Bytes of memory all Spaces together may hold.
    pub host_memory: u64,
    /// Millicores that all containers together may hold.
    pub host_cpu: u64,
    /// What an owner may have of whom nothing else is said.
    pub quota: Quota,
    /// CPU time a Space may save, in nanoseconds.
    pub cpu_burst: u64,
    /// The multiple of its rate that a Space may use of CPU time which nobody else wants; at most 1 gives none away.
    pub cpu_spare: f64,
    /// Builds under way at once.
    pub builds: Lanes,
}

/// No limits but one build at a time in each lane.
impl Default for LedgerLimits {
    fn default() -> Self {
        Self {
            host_memory: u64::MAX,
            host_cpu: u64::MAX,
            quota: Quota::UNLIMITED,
            cpu_burst: 1_000_000_000,
            cpu_spare: 1.0,
            builds: Lanes::of_each(1),
        }
    }
}

/// The book. Cheap to clone; all clones are the same book.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: Host,
    /// What is on disk, of all owners.
    disk: Arc<Disk>,
    quota: Quota,
    cpu_nanos: Arc<AtomicU64>,
    owners: Mutex<HashMap<AccountId, Arc<OwnerAccount>>>,
    workloads: Mutex<HashMap<WorkloadId, Arc<WorkloadAccount>>>,
    /// What is stored of all Spaces since the server started.
    booked: Arc<Mutex<UsageCounts>>,
    /// Held from collecting to storing.
    collecting: tokio::sync::Mutex<()>,
    /// Pages that were closed with something on them that is not stored.
    closed: Mutex<Vec<Arc<WorkloadAccount>>>,
    builds: [Builds; 3],
    starts: Arc<FairQueue>,
}

// === impl Ledger ===

impl Ledger {
    /// An empty book.
    pub fn new(limits: LedgerLimits) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let host = Host {
            memory: QuotaPool::new(Resource::Memory, Tier::Host, limits.host_memory, None),
            cpu: QuotaPool::new(Resource::Cpu, Tier::Host, limits.host_cpu, None),
            clock: Instant::now(),
            burst: limits.cpu_burst,
            spare: limits.cpu_spare,
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
        };
        Self(Arc::new(Inner {
            host,
            disk: Arc::default(),
            quota: limits.quota,
            cpu_nanos: Arc::default(),
            owners: Mutex::default(),
            workloads: Mutex::default(),
            booked: Arc::default(),
            collecting: tokio::sync::Mutex::default(),
            closed: Mutex::default(),
            builds: [Lane::Files, Lane::Wasm, Lane::Images]
                .map(|lane| Builds::new(lane, limits.builds)),
            starts: Arc::default(),
        }))
    }

    /// The page of a workload, opened when it is not there yet, with its limits set anew. Saved credit, debt and held
    /// memory stay: a restart is no way to a fresh bucket. One with another owner than before begins a new page.
    pub fn workload(
        &self,
        workload: impl Into<WorkloadId>,
        owner: AccountId,
        limits: Limits,
    ) -> Arc<WorkloadAccount> {
        let (workload, owner) = (workload.into(), self.owner(owner));
        let mut workloads = self.0.workloads.lock();
        let known = workloads.get(&workload).cloned();
        let account = match known.filter(|known| known.owner.owner == owner.owner) {
            Some(known) => known,
            None => {
                let account = Arc::new(WorkloadAccount::new(
                    workload,
                    owner,
                    limits,
                    &self.0.host,
                    Arc::clone(&self.0.disk),
                    Arc::clone(&self.0.cpu_nanos),
                ));
                if let Some(before) = workloads.insert(workload, Arc::clone(&account)) {
                    before.note_sent();
                    self.0.closed.lock().push(before);
                }
                account
            }
        };
        account.memory.set_limit(limits.memory_bytes);
        account.set_cpu(limits.cpu_millis, &self.0.host);
        account
    }

    /// The page of a workload, if it was opened.
    pub fn known(&self, workload: impl Into<WorkloadId>) -> Option<Arc<WorkloadAccount>> {
        self.0.workloads.lock().get(&workload.into()).cloned()
    }

    /// Every open page.
    pub fn accounts(&self) -> Vec<Arc<WorkloadAccount>> {
        self.0.workloads.lock().values().cloned().collect()
    }

    /// Closes the page of a workload that is gone. What it still holds is given back when its holders drop, and what it
    /// used is still collected.
    pub fn forget(&self, workload: impl Into<WorkloadId>) {
        let gone = self.0.workloads.lock().remove(&workload.into());
        if let Some(gone) = &gone {
            gone.note_sent();
        }
        self.0.closed.lock().extend(gone);
    }

    /// The page of an owner, opened with the default quota when it is not there yet.
    pub fn owner(&self, owner: AccountId) -> Arc<OwnerAccount> {
        let mut owners = self.0.owners.lock();
        let account = owners.entry(owner).or_insert_with(|| {
            Arc::new(OwnerAccount::new(owner, &self.0.quota, &self.0.host, now()))
        });
        Arc::clone(account)
    }

    /// Every owner's open page.
    pub fn owners(&self) -> Vec<Arc<OwnerAccount>> {
        self.0.owners.lock().values().cloned().collect()
    }

    /// What an owner may have of whom nothing else is said.
    pub fn default_quota(&self) -> &Quota {
        &self.0.quota
    }

    /// Memory held by all Spaces.
    pub fn host(&self) -> &QuotaPool {
        &self.0.host.memory
    }

    /// Millicores held by all containers.
    pub fn host_cpu(&self) -> &QuotaPool {
        &self.0.host.cpu
    }

    /// Containers that wait until the host has room for them.
    pub fn starts(&self) -> &Arc<FairQueue> {
        &self.0.starts
    }

    /// CPU time in nanoseconds that all Spaces, those that are gone among them, used since the server started.
    pub fn cpu_nanos(&self) -> u64 {
        self.0.cpu_nanos.load(Ordering::Relaxed)
    }

    /// Room on an owner's disk for what is to be written: none yet, ready to grow.
    pub fn reserve_disk(&self, owner: AccountId) -> DiskReservation {
        self.0.disk.reserve(self.owner(owner))
    }

    /// To be asked before something on disk is measured.
    pub fn measuring(&self) -> Measuring {
        self.0.disk.now()
    }

    /// Takes note of what was measured since that moment.
    pub fn set_disk(&self, of: DiskUse, owner: AccountId, found: DiskAmount, since: Measuring) {
        self.0.disk.set(of, &self.owner(owner), found, since);
    }

    /// What is known of it.
    pub fn disk(&self, of: DiskUse) -> DiskAmount {
        self.0.disk.of(of)
    }

    /// It is gone.
    pub fn forget_disk(&self, of: DiskUse) {
        self.0.disk.forget(of);
    }

    /// Waits for the right to build in a lane, of the owner and of the host, with that many bytes of memory. Owners take
    /// turns. `notify` hears what it waits for, at first and whenever that may have changed.
    ///
    /// # Errors
    /// When the memory asked for is more than there is in all.
    pub async fn build_permit(
        &self,
        owner: AccountId,
        lane: Lane,
        memory: u64,
        notify: impl FnMut(&Waiting),
    ) -> Result<BuildPermit, Refused> {
        let account = self.owner(owner);
        let [files, wasm, images] = &self.0.builds;
        let builds = match lane {
            Lane::Files => files,
            Lane::Wasm => wasm,
            Lane::Images => images,
        };
        builds.permit(self, &account, memory, notify).await
    }

    /// Builds under way, and builds that wait.
    pub fn builds(&self) -> (u64, usize) {
        let counts = self.0.builds.iter().map(Builds::under_way);
        counts.fold((0, 0), |(running, waiting), (run, wait)| {
            (running + run, waiting + wait)
        })
    }

    /// Takes note of what was sent to visitors up to now, and that whatever memory is held was held for so long.
    pub fn look(&self, time: Duration) {
        for account in self.accounts() {
            account.hold_for(time);
            account.note_sent();
        }
    }

    /// Makes builds that wait look whether their owners may build again.
    pub fn builds_look_again(&self) {
        self.0.builds.iter().for_each(Builds::look_again);
    }

    /// What all Spaces have used since the server started, as far as it is stored.
    pub fn booked(&self) -> UsageCounts {
        *self.0.booked.lock()
    }

    /// The turn to collect, to be held until what was collected is stored: what two collect at once is booked twice.
    pub async fn collecting(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.collecting.lock().await
    }

    /// What was used and is not stored yet. Nothing is forgotten until [`UsageDelta::stored`] is called.
    pub fn collect(&self) -> Vec<UsageDelta> {
        let open = self.accounts();
        let mut closed = self.0.closed.lock();
        let bookings = open.iter().chain(&*closed);
        let bookings: Vec<_> = bookings
            .filter_map(|page| page.unbooked(&self.0.booked))
            .collect();
        // Whoever holds a closed page may yet charge it.
        closed.retain(|page| Arc::strong_count(page) > 1);
        bookings
    }
}

#[cfg(test)]
mod tests;
