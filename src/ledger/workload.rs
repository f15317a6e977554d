//! A workload's page in the book.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::disk::{Disk, DiskUse, Measuring};
use super::owner::Host;
use super::{Credit, OwnerAccount, QuotaPool, Refused, Tier};
use crate::domain::{DiskAmount, Limits, RepoName, Resource, UsageCounts, WorkloadId};
use crate::net::Traffic;

/// Spare time that may be used beyond its rate in one go, in nanoseconds: a few turns.
const SPARE_BANK: u64 = 10_000_000;

/// What one workload holds and has used.
#[derive(Debug)]
pub struct WorkloadAccount {
    /// Which workload.
    pub workload: WorkloadId,
    /// Its owner's page.
    pub owner: Arc<OwnerAccount>,
    /// Memory held.
    pub memory: Arc<QuotaPool>,
    /// What it used since the server started.
    pub usage: Usage,
    /// What it is called.
    name: Mutex<Option<RepoName>>,
    /// Where its visitors are counted: one for each address it has had.
    traffic: Mutex<Vec<Arc<Traffic>>>,
    /// Bytes sent to visitors of which its owner's page knows.
    sent: AtomicU64,
    /// What of its totals is stored.
    booked: Mutex<UsageCounts>,
    credit: Mutex<Credit>,
    /// What it may use with spare time, where that is given away.
    ceiling: Option<Mutex<Credit>>,
    cpu_millis: AtomicU64,
    most_cpu_millis: AtomicU64,
    host_cpu_nanos: Arc<AtomicU64>,
    disk: Arc<Disk>,
    clock: Instant,
}

/// Running totals since the server started, beside those of its traffic.
#[derive(Debug, Default)]
pub struct Usage {
    /// CPU time in nanoseconds.
    pub cpu_nanos: AtomicU64,
    /// Time in nanoseconds that work waited because the credit was spent.
    pub throttled_nanos: AtomicU64,
    /// KiB of memory held, times milliseconds.
    pub memory_kib_millis: AtomicU64,
    /// Instances started.
    pub starts: AtomicU64,
    /// Builds that ended.
    pub builds: AtomicU64,
    /// Milliseconds for which they were under way.
    pub build_millis: AtomicU64,
    /// Times it gave way to another.
    pub evictions: AtomicU64,
}

/// What a Space used and is not stored yet.
#[derive(Debug)]
pub struct UsageDelta {
    /// Whose.
    pub account: Arc<WorkloadAccount>,
    /// How much.
    pub counts: UsageCounts,
    sum: Arc<Mutex<UsageCounts>>,
}

// === impl WorkloadAccount ===

impl WorkloadAccount {
    pub(super) fn new(
        workload: WorkloadId,
        owner: Arc<OwnerAccount>,
        limits: Limits,
        host: &Host,
        disk: Arc<Disk>,
        host_cpu_nanos: Arc<AtomicU64>,
    ) -> Self {
        let most = host.most_millis(limits.cpu_millis);
        let gives_spare = host.spare > 1.0;
        let parent = Some(Arc::clone(&owner.memory));
        Self {
            workload,
            memory: QuotaPool::new(Resource::Memory, Tier::Space, limits.memory_bytes, parent),
            owner,
            usage: Usage::default(),
            name: Mutex::default(),
            traffic: Mutex::default(),
            sent: AtomicU64::new(0),
            booked: Mutex::default(),
            credit: Mutex::new(Credit::new(limits.cpu_millis, host.burst, 0)),
            ceiling: gives_spare.then(|| Mutex::new(Credit::new(most, SPARE_BANK, 0))),
            cpu_millis: AtomicU64::new(0),
            most_cpu_millis: AtomicU64::new(u64::from(most)),
            host_cpu_nanos,
            disk,
            clock: host.clock,
        }
    }

    /// To be asked before its durable storage is measured.
    pub fn measuring(&self) -> Measuring {
        self.disk.now()
    }

    /// Takes note of what its durable storage holds.
    ///
    /// # Errors
    /// When it holds more than before, and its owner more than the quota. It is counted all the same.
    pub fn set_storage(&self, found: DiskAmount, since: Measuring) -> Result<(), Refused> {
        let storage = DiskUse::Storage(self.workload);
        let before = self.disk.of(storage);
        self.disk.set(storage, &self.owner, found, since);
        let grown = found - before;
        if grown.bytes > 0 {
            self.owner.disk.check()?;
        }
        if grown.files > 0 {
            self.owner.files.check()?;
        }
        Ok(())
    }

    /// Its hardware.
    pub fn limits(&self) -> Limits {
        Limits {
            cpu_millis: self.cpu_millis(),
            memory_bytes: self.memory.limit(),
        }
    }

    /// The rate in millicores.
    pub fn cpu_millis(&self) -> u32 {
        u32::try_from(self.cpu_millis.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }

    /// The most it may use when nobody else wants the time, in millicores: its rate, where spare time is not given away.
    pub fn most_cpu_millis(&self) -> u32 {
        u32::try_from(self.most_cpu_millis.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }

    /// Charges CPU time in nanoseconds, to the Space and to its owner.
    pub fn charge(&self, nanos: u64) {
        self.charge_spare(nanos);
        self.credit.lock().charge(nanos, self.now());
    }

    /// Charges CPU time that nobody else wanted: it counts as use, and costs no credit.
    pub fn charge_spare(&self, nanos: u64) {
        self.usage.cpu_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.host_cpu_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.owner.charge(nanos);
        if let Some(ceiling) = &self.ceiling {
            ceiling.lock().charge(nanos, self.now());
        }
    }

    /// Nanoseconds until it may use spare time, if there is any; `None` where it is not given away.
    pub fn wait_for_spare(&self) -> Option<u64> {
        let ceiling = self.ceiling.as_ref()?;
        Some(ceiling.lock().wait(self.now()).max(self.owner.wait()))
    }

    /// Nanoseconds until there is credit, the Space's and its owner's; zero when there is.
    pub fn wait(&self) -> u64 {
        self.credit.lock().wait(self.now()).max(self.owner.wait())
    }

    /// Credit left in nanoseconds; negative is debt.
    pub fn balance(&self) -> i64 {
        self.credit.lock().balance(self.now())
    }

    /// What it is called, if that was said.
    pub fn name(&self) -> Option<RepoName> {
        self.name.lock().clone()
    }

    /// Takes note of what it is called.
    pub fn set_name(&self, name: &RepoName) {
        *self.name.lock() = Some(name.clone());
    }

    /// Takes note of where visitors are counted. Saying it twice is saying it once.
    pub fn count(&self, traffic: &Arc<Traffic>) {
        let mut known = self.traffic.lock();
        if !known.iter().any(|known| Arc::ptr_eq(known, traffic)) {
            known.push(Arc::clone(traffic));
        }
    }

    /// Writes on its owner's page what was sent to visitors since it was last asked to.
    pub(super) fn note_sent(&self) {
        let sent = self.totals().bytes_out;
        let before = self.sent.fetch_max(sent, Ordering::Relaxed);
        self.owner.sent(sent.saturating_sub(before));
    }

    /// Takes note that memory was held as it is now for so long.
    pub(super) fn hold_for(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let held = (self.memory.used() >> 10).saturating_mul(millis);
        if held > 0 {
            let total = &self.usage.memory_kib_millis;
            total.fetch_add(held, Ordering::Relaxed);
        }
    }

    /// Everything since the server started.
    pub fn totals(&self) -> UsageCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let usage = &self.usage;
        let own = UsageCounts {
            cpu_micros: read(&usage.cpu_nanos) / 1000,
            throttled_micros: read(&usage.throttled_nanos) / 1000,
            memory_kib_seconds: read(&usage.memory_kib_millis) / 1000,
            starts: read(&usage.starts),
            builds: read(&usage.builds),
            build_millis: read(&usage.build_millis),
            evictions: read(&usage.evictions),
            ..UsageCounts::default()
        };
        let traffic = self.traffic.lock();
        traffic.iter().fold(own, |sum, traffic| {
            let totals = traffic.totals();
            let [informed, succeeded, redirected, refused, failed] = totals.classes;
            sum.plus(&UsageCounts {
                requests_1xx: informed,
                requests_2xx: succeeded,
                requests_3xx: redirected,
                requests_4xx: refused,
                requests_5xx: failed,
                turned_away: totals.turned_away,
                bytes_in: totals.bytes_in,
                bytes_out: totals.bytes_out,
                wakes: totals.wakes,
                wake_micros: totals.wake_micros,
                ..UsageCounts::default()
            })
        })
    }

    /// What is not stored yet.
    pub(super) fn unbooked(self: &Arc<Self>, sum: &Arc<Mutex<UsageCounts>>) -> Option<UsageDelta> {
        let counts = self.totals().since(&self.booked.lock());
        (!counts.is_zero()).then(|| UsageDelta {
            account: Arc::clone(self),
            counts,
            sum: Arc::clone(sum),
        })
    }

    pub(super) fn set_cpu(&self, millis: u32, host: &Host) {
        if self.cpu_millis.swap(u64::from(millis), Ordering::Relaxed) != u64::from(millis) {
            self.credit.lock().set(millis, host.burst, self.now());
            let most = host.most_millis(millis);
            self.most_cpu_millis
                .store(u64::from(most), Ordering::Relaxed);
            if let Some(ceiling) = &self.ceiling {
                ceiling.lock().set(most, SPARE_BANK, self.now());
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

// === impl UsageDelta ===

impl UsageDelta {
    /// It is stored, for good.
    pub fn stored(self) {
        let mut booked = self.account.booked.lock();
        *booked = booked.plus(&self.counts);
        let mut sum = self.sum.lock();
        *sum = sum.plus(&self.counts);
    }
}
