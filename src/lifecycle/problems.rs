//! What an operator should look at, found without measuring anything anew.

use super::{Lifecycle, LifecycleError, QuotaLine, SpaceView, now};
use crate::domain::{AccountId, Desired, Resource, Space, Stage};

/// What stands in somebody's way right now, and does not go away by itself.
#[derive(Debug, Default)]
pub struct Problems {
    /// Runtimes that are wanted and run nothing, each by its name, and why.
    pub runtimes: Vec<(&'static str, &'static str)>,
    /// The disk below the repositories, if it is nearly full.
    pub disk: Option<DiskSpace>,
    /// Spaces that do not run though they are to: those that crash, those that do not build, those that wait for room.
    pub spaces: Vec<(Space, SpaceView)>,
    /// Whether there may be more of them.
    pub more_spaces: bool,
    /// Owners who have used up what they may have.
    pub quotas: Vec<(AccountId, QuotaLine)>,
}

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// What may still be written.
    pub free: u64,
    /// All of it.
    pub whole: u64,
}

/// Spaces that are looked at. Each takes a few queries.
const MAX_SPACES: usize = 200;

/// Less than this free is little on a disk of any size.
const LITTLE: u64 = 2 << 30;

/// More than this free is enough on a disk of any size.
const ENOUGH: u64 = 20 << 30;

// === impl Lifecycle ===

impl Lifecycle {
    /// What an operator should look at now.
    ///
    /// # Errors
    /// Ours only.
    pub async fn problems(&self) -> Result<Problems, LifecycleError> {
        let (spaces, more_spaces) = self.stuck().await?;
        Ok(Problems {
            runtimes: self.runtimes_in_trouble().await,
            disk: self
                .parts
                .repos
                .disk_space()
                .map(DiskSpace::from)
                .filter(DiskSpace::is_nearly_full),
            spaces,
            more_spaces,
            quotas: self.spent_quotas(),
        })
    }

    async fn runtimes_in_trouble(&self) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        for runtime in self.parts.runtimes.iter().filter(|one| one.is_on()) {
            let trouble = runtime.trouble().await;
            found.extend(trouble.map(|trouble| (runtime.name(), trouble)));
        }
        found
    }

    /// Spaces that are to run and do not, the worst first.
    async fn stuck(&self) -> Result<(Vec<(Space, SpaceView)>, bool), LifecycleError> {
        let most = i64::try_from(MAX_SPACES).unwrap_or(i64::MAX);
        let mut ids = self.supervisors.those_who(|observed| {
            observed.has_failed() || observed.refused.is_some() || observed.ticket.is_some()
        });
        ids.extend(self.parts.store.spaces_not_built(most).await?);
        ids.sort();
        ids.dedup();
        let more = ids.len() > MAX_SPACES;
        let mut stuck = Vec::new();
        for id in ids.into_iter().take(MAX_SPACES) {
            let space = self.parts.store.space_by_id(id).await?;
            let Some(space) = space.filter(|space| space.wanted() == Desired::Running) else {
                continue;
            };
            let view = self.view(&space).await?;
            if rank(&view).is_some() {
                stuck.push((space, view));
            }
        }
        stuck.sort_by_key(|(space, view)| (rank(view), std::cmp::Reverse(space.updated_at)));
        Ok((stuck, more))
    }

    /// What owners have used up of what does not come back by itself, or not today.
    fn spent_quotas(&self) -> Vec<(AccountId, QuotaLine)> {
        let mut spent = Vec::new();
        for account in self.parts.ledger.owners() {
            let limits = account.quota();
            let used = |resource| match resource {
                Resource::Disk => account.disk.used(),
                Resource::Files => account.files.used(),
                resource => account.used_today(resource, now()),
            };
            let lasting = [Resource::Disk, Resource::Files];
            let resources = Resource::ALL.into_iter();
            for resource in resources.filter(|one| one.is_daily() || lasting.contains(one)) {
                let (used, limit) = (used(resource), limits.of(resource));
                if used > 0 && used >= limit {
                    let own = limit != self.parts.ledger.default_quota().of(resource);
                    let line = QuotaLine {
                        resource,
                        used,
                        limit,
                        own,
                    };
                    spent.push((account.owner, line));
                }
            }
        }
        spent
    }
}

/// How bad it is, the worst being the least; `None` for a Space that is as it is meant to be, or has nothing to run yet.
fn rank(view: &SpaceView) -> Option<u8> {
    match view.stage {
        Stage::RuntimeError => Some(0),
        Stage::BuildError => Some(1),
        Stage::ConfigError => Some(2),
        // One that crashes is tried again and again.
        Stage::AppStarting | Stage::RunningAppStarting if view.error.is_some() => Some(0),
        _ => view.waits.as_ref().map(|_| 3),
    }
}

// === impl DiskSpace ===

impl From<(u64, u64)> for DiskSpace {
    fn from((free, whole): (u64, u64)) -> Self {
        Self { free, whole }
    }
}

impl DiskSpace {
    fn is_nearly_full(&self) -> bool {
        let tenth = self.whole / 10;
        self.free < LITTLE.min(self.whole / 4) || self.free < ENOUGH.min(tenth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_nearly_full_by_its_size() {
        let full = |free: u64, whole: u64| {
            let (free, whole) = (free << 20, whole << 20);
            DiskSpace { free, whole }.is_nearly_full()
        };
        assert!(full(1_000, 100_000) && full(9_000, 100_000));
        assert!(!full(11_000, 100_000));
        // A tenth of a large disk is a lot.
        assert!(!full(30_000, 4_000_000) && full(10_000, 4_000_000));
        // A small disk is not full for being small.
        assert!(!full(500, 1_000) && full(200, 1_000));
    }
}
