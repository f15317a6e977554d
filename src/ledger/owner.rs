//! An owner's page in the book.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::day::Daily;
use super::{Credit, QuotaPool, Refused, Tier};
use crate::domain::{AccountId, Limits, Millis, Quota, Resource, UsageCounts};

/// What one owner holds and has used, and the most of it.
#[derive(Debug)]
pub struct OwnerAccount {
    /// Whose.
    pub owner: AccountId,
    /// Memory held by its Spaces.
    pub memory: Arc<QuotaPool>,
    /// Millicores that its containers hold.
    pub cpu: Arc<QuotaPool>,
    /// Containers that run or are on their way.
    pub instances: Arc<QuotaPool>,
    /// Builds under way.
    pub builds: Arc<QuotaPool>,
    /// Bytes on disk.
    pub disk: Arc<QuotaPool>,
    /// Files on disk.
    pub files: Arc<QuotaPool>,
    /// Set once all that it has on disk was measured after the start.
    pub disk_known: tokio::sync::OnceCell<()>,
    /// Held while one more Space is counted and made, so that of many at once no more are made than there may be.
    pub creating: tokio::sync::Mutex<()>,
    quota: Mutex<Quota>,
    /// In nanoseconds.
    cpu_time: Daily,
    /// In milliseconds.
    build_time: Daily,
    /// In bytes.
    egress: Daily,
    credit: Mutex<Credit>,
    /// Whether the owner's rate is below the machine's, so that there is any use in looking at the credit.
    rationed: AtomicBool,
    clock: Instant,
    burst: u64,
    cores: u32,
}

/// The books of the machine that owners' books are parts of, and its measure.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) memory: Arc<QuotaPool>,
    pub(super) cpu: Arc<QuotaPool>,
    pub(super) clock: Instant,
    pub(super) burst: u64,
    /// Times its rate that a Space may use with spare time.
    pub(super) spare: f64,
    pub(super) cores: u32,
}

// === impl Host ===

impl Host {
    /// What a Space of that rate may use at most where spare time is given away, both in millicores: never more than
    /// the machine has, and never less than its rate.
    pub(super) fn most_millis(&self, millis: u32) -> u32 {
        let most = f64::from(millis) * self.spare.max(1.0);
        let machine = f64::from(self.cores) * 1000.0;
        // As a cast it ends at the greatest number there is.
        (most.min(machine).round() as u32).max(millis)
    }
}

// === impl OwnerAccount ===

impl OwnerAccount {
    pub(super) fn new(owner: AccountId, quota: &Quota, host: &Host, now: Millis) -> Self {
        let pool =
            |resource, parent| QuotaPool::new(resource, Tier::Owner, quota.of(resource), parent);
        let account = Self {
            owner,
            memory: pool(Resource::Memory, Some(Arc::clone(&host.memory))),
            cpu: pool(Resource::Cpu, Some(Arc::clone(&host.cpu))),
            instances: pool(Resource::Instances, None),
            builds: pool(Resource::Builds, None),
            disk: pool(Resource::Disk, None),
            files: pool(Resource::Files, None),
            disk_known: tokio::sync::OnceCell::new(),
            creating: tokio::sync::Mutex::default(),
            quota: Mutex::new(*quota),
            cpu_time: Daily::new(Resource::CpuSecondsPerDay, 1_000_000_000, now),
            build_time: Daily::new(Resource::BuildMinutesPerDay, 60_000, now),
            egress: Daily::new(Resource::EgressBytesPerDay, 1, now),
            credit: Mutex::new(Credit::new(1000, host.burst, 0)),
            rationed: AtomicBool::new(false),
            clock: host.clock,
            burst: host.burst,
            cores: host.cores,
        };
        account.set_quota(quota);
        account.look_at_the_day(now);
        account
    }

    /// Sets what it may have. What it has beyond that it keeps; it only gets no more.
    pub fn set_quota(&self, quota: &Quota) {
        *self.quota.lock() = *quota;
        self.memory.set_limit(quota.memory_bytes);
        self.cpu.set_limit(quota.cpu_millis);
        self.instances.set_limit(quota.instances);
        self.builds.set_limit(quota.builds);
        self.disk.set_limit(quota.disk_bytes);
        self.files.set_limit(quota.disk_files);
        let machine = u64::from(self.cores) * 1000;
        let rate = u32::try_from(quota.cpu_millis.min(machine)).unwrap_or(u32::MAX);
        // Several Spaces may have saved at once, and each is held to its own bank.
        let bank = self.burst.saturating_mul(u64::from(self.cores));
        self.credit.lock().set(rate, bank, self.now());
        self.rationed
            .store(quota.cpu_millis < machine, Ordering::Release);
    }

    /// What it may have.
    pub fn quota(&self) -> Quota {
        *self.quota.lock()
    }

    /// CPU time in nanoseconds that its Spaces used since the server started.
    pub fn cpu_nanos(&self) -> u64 {
        self.cpu_time.total()
    }

    /// Takes note of a build that took so long.
    pub fn built(&self, millis: u64) {
        self.build_time.add(millis);
    }

    /// What it has used on the day at that moment of a resource with a quota per day, rounded down; nothing of others.
    pub fn used_today(&self, resource: Resource, now: Millis) -> u64 {
        let mut daily = self.daily().into_iter();
        let found = daily.find(|daily| daily.resource() == resource);
        found.map_or(0, |daily| daily.today(now))
    }

    /// Says what it had used today before the server started.
    pub fn carry(&self, now: Millis, used: &UsageCounts) {
        self.cpu_time
            .carry(now, used.cpu_micros.saturating_mul(1000));
        self.build_time.carry(now, used.build_millis);
        self.egress.carry(now, used.bytes_out);
    }

    /// Looks whether its quotas for the day are spent; whether that is news of any.
    pub fn look_at_the_day(&self, now: Millis) -> bool {
        let quota = self.quota();
        let news = self.daily().map(|daily| daily.look(now, &quota));
        news.contains(&true)
    }

    /// The quota for the day that was spent at the last look and lets nobody in to its Spaces, those that compute or all.
    pub fn is_spent(&self, computes: bool) -> Option<Resource> {
        if self.egress.is_spent() {
            return Some(Resource::EgressBytesPerDay);
        }
        (computes && self.cpu_time.is_spent()).then_some(Resource::CpuSecondsPerDay)
    }

    /// Whether it may build no more today.
    pub fn is_built_out(&self) -> bool {
        self.build_time.is_spent()
    }

    /// The refusal of whoever wants to compute today, while there is reason for one.
    pub fn refused_today(&self, now: Millis) -> Option<Refused> {
        let resource = self.is_spent(true)?;
        Some(Refused {
            resource,
            tier: Tier::Owner,
            wanted: 1,
            used: self.used_today(resource, now),
            limit: self.quota().of(resource),
        })
    }

    /// The refusal that a container of that size would get now of a resource it was refused before; `None` where there is
    /// room for it by now.
    pub fn still_refuses(
        &self,
        resource: Resource,
        limits: Limits,
        now: Millis,
    ) -> Option<Refused> {
        match resource {
            _ if resource.is_daily() => self.refused_today(now),
            Resource::Instances => self.instances.refusal(1),
            Resource::Cpu => self.cpu.refusal(u64::from(limits.cpu_millis)),
            Resource::Memory => self.memory.refusal(limits.memory_bytes),
            _ => None,
        }
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.egress.add(bytes);
    }

    fn daily(&self) -> [&Daily; 3] {
        [&self.cpu_time, &self.build_time, &self.egress]
    }

    pub(super) fn charge(&self, nanos: u64) {
        self.cpu_time.add(nanos);
        if self.rationed.load(Ordering::Acquire) {
            self.credit.lock().charge(nanos, self.now());
        }
    }

    /// Nanoseconds until it has credit; zero when it has.
    pub(super) fn wait(&self) -> u64 {
        match self.rationed.load(Ordering::Acquire) {
            true => self.credit.lock().wait(self.now()),
            false => 0,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
