//! What owners may have: shown, changed, enforced before anything is made.

use crate::domain::{Account, AccountId, Millis, RepoKind, Resource, SpaceId};
use crate::ledger::{Day, FairQueue, QuotaPool, Refused, Tier};
use crate::lifecycle::operations::to_the_end;
use crate::lifecycle::{Lifecycle, LifecycleError, now};
use crate::store::Actor;

/// What an owner may have and has.
#[derive(Debug, Clone)]
pub struct QuotaView {
    /// One line for each resource.
    pub lines: Vec<QuotaLine>,
    /// When the day ends of which CPU time is counted.
    pub resets_at: Millis,
}

/// One resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLine {
    /// Which.
    pub resource: Resource,
    /// How much of it is in use.
    pub used: u64,
    /// The most.
    pub limit: u64,
    /// Whether an operator has set it for this owner.
    pub own: bool,
}

/// What the host has and holds.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// Bytes of memory held, and the most.
    pub memory: (u64, u64),
    /// Millicores held by containers, and the most.
    pub cpu: (u64, u64),
    /// Builds under way, and builds that wait.
    pub builds: (u64, usize),
    /// Containers that wait for room.
    pub waiting: usize,
}

// === impl QuotaLine ===

impl QuotaLine {
    /// What is left.
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Whether nine tenths are in use.
    pub fn is_nearly_used_up(&self) -> bool {
        self.limit > 0 && self.used >= self.limit - self.limit / 10
    }
}

// === impl Lifecycle ===

impl Lifecycle {
    /// What an owner may have and has.
    ///
    /// # Errors
    /// Ours only.
    pub async fn quota(&self, owner: AccountId) -> Result<QuotaView, LifecycleError> {
        let parts = &self.parts;
        parts.disk_known(owner).await?;
        let overrides = parts.store.quota(owner).await?;
        let mut repositories = [0; RepoKind::ALL.len()];
        for (count, kind) in repositories.iter_mut().zip(RepoKind::ALL) {
            let counted = parts.store.count_repositories(owner, kind).await?;
            *count = u64::try_from(counted).unwrap_or(0);
        }
        let [models, datasets, spaces] = repositories;
        let account = parts.ledger.owner(owner);
        let limits = account.quota();
        let used = |resource| match resource {
            Resource::Spaces => spaces,
            Resource::Models => models,
            Resource::Datasets => datasets,
            Resource::Instances => account.instances.used(),
            Resource::Cpu => account.cpu.used(),
            Resource::Memory => account.memory.used(),
            Resource::Disk => account.disk.used(),
            Resource::Files => account.files.used(),
            Resource::Builds => account.builds.used(),
            Resource::CpuSecondsPerDay
            | Resource::BuildMinutesPerDay
            | Resource::EgressBytesPerDay => account.used_today(resource, now()),
        };
        let lines = Resource::ALL.map(|resource| QuotaLine {
            resource,
            used: used(resource),
            limit: limits.of(resource),
            own: overrides.of(resource).is_some(),
        });
        Ok(QuotaView {
            lines: lines.to_vec(),
            resets_at: Day::end(now()),
        })
    }

    /// Sets what an owner may have of some resources, `None` back to the server's default, and writes into the audit trail
    /// who did it. What the owner has beyond that it keeps; it only gets no more.
    ///
    /// # Errors
    /// An amount past what can be counted; otherwise ours.
    pub async fn change_quota(
        &self,
        operator: AccountId,
        owner: &Account,
        changes: Vec<(Resource, Option<u64>)>,
    ) -> Result<(), LifecycleError> {
        let mut amounts = changes.iter().filter_map(|(_, amount)| *amount);
        if let Some(amount) = amounts.find(|amount| i64::try_from(*amount).is_err()) {
            let text = format!("{amount} is more than can be counted");
            return Err(LifecycleError::Refused(text));
        }
        let (this, owner) = (self.clone(), owner.clone());
        to_the_end(async move {
            let parts = &this.parts;
            // Of two operators at once, the later one builds on what the earlier one has set.
            let _turn = this.quotas.lock().await;
            let before = parts.store.quota(owner.id).await?;
            let mut after = before;
            for (resource, amount) in changes {
                after.set(resource, amount);
            }
            let change = format!("{}: {before} -> {after}", owner.name);
            let store = &parts.store;
            store
                .set_quota(owner.id, &after, operator.into(), &change)
                .await?;
            let account = parts.ledger.owner(owner.id);
            account.set_quota(&after.over(parts.ledger.default_quota()));
            if account.look_at_the_day(now()) {
                super::usage::news(parts, &[owner.id]);
            }
            parts.ledger.builds_look_again();
            parts.ledger.starts().look_again();
            Ok(())
        })
        .await
    }

    /// Refuses hardware larger than all that the Space's owner may have.
    pub(in crate::lifecycle) async fn check_size(
        &self,
        space: SpaceId,
        hardware: Option<&str>,
    ) -> Result<(), LifecycleError> {
        let stored = self.parts.store.space_by_id(space).await?;
        let owner = stored.ok_or(LifecycleError::NotFound)?.owner;
        let Some(size) = hardware.and_then(|name| self.parts.hardware(name)) else {
            return Ok(());
        };
        let account = self.parts.ledger.owner(owner);
        for (book, resource, wanted) in [
            (
                &account.cpu,
                Resource::Cpu,
                u64::from(size.limits.cpu_millis),
            ),
            (&account.memory, Resource::Memory, size.limits.memory_bytes),
        ] {
            if wanted > book.limit() {
                return Err(LifecycleError::Over(Refused {
                    resource,
                    tier: Tier::Owner,
                    wanted,
                    used: book.used(),
                    limit: book.limit(),
                }));
            }
        }
        Ok(())
    }

    /// What the host has and holds.
    pub fn capacity(&self) -> Capacity {
        let ledger = &self.parts.ledger;
        let of = |book: &QuotaPool| (book.used(), book.limit());
        Capacity {
            memory: of(ledger.host()),
            cpu: of(ledger.host_cpu()),
            builds: ledger.builds(),
            waiting: FairQueue::len(ledger.starts()),
        }
    }

    /// Lets a Space do nothing, for that reason, or lets it be again.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn set_disabled(
        &self,
        space: SpaceId,
        reason: Option<String>,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let store = &this.parts.store;
            store.set_disabled(space, reason.as_deref(), actor).await?;
            if reason.is_none() {
                this.supervisors.wake(space);
            }
            this.supervisors.nudge(space);
            Ok(())
        })
        .await
    }

    /// Stores all that was used up to now, so that whoever reads it next misses nothing. While the database takes no
    /// changes, they read what there is.
    ///
    /// # Errors
    /// Ours only.
    pub async fn store_usage(&self) -> Result<(), LifecycleError> {
        match super::usage::store(&self.parts).await {
            Err(error) if error.is_transient() => Ok(()),
            stored => Ok(stored?),
        }
    }

    /// Everything each open page of the ledger says, for those who watch.
    pub fn accounts(&self) -> Vec<std::sync::Arc<crate::ledger::WorkloadAccount>> {
        self.parts.ledger.accounts()
    }
}
