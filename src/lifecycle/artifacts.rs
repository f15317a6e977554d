//! How long artifacts are kept: those of earlier versions so that a Space can go back to one at once, as long as they are
//! in nobody's way, and what nobody uses not at all.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Parts;
use crate::builder::InUse;
use crate::domain::{AccountId, Artifact, BuildFacts, BuildId, RepoKind, SpaceId};
use crate::ledger::{OwnerAccount, QuotaPool};
use crate::lifecycle::reconcile::registry::Registry;

/// The share of its owner's disk that the earlier versions of one Space may take.
const EARLIER: u64 = 10;

/// Keeps artifacts, and removes them.
pub(super) struct Artifacts {
    parts: Arc<Parts>,
    registry: Arc<Registry>,
    turn: tokio::sync::Mutex<()>,
    asked: AtomicU64,
    done: AtomicU64,
}

// === impl Artifacts ===

impl Artifacts {
    pub(super) fn new(parts: Arc<Parts>, registry: Arc<Registry>) -> Arc<Self> {
        Arc::new(Self {
            parts,
            registry,
            turn: tokio::sync::Mutex::default(),
            asked: AtomicU64::new(0),
            done: AtomicU64::new(0),
        })
    }

    /// Removes what nobody uses. Those who ask while others' sweep is under way share the next.
    pub(super) async fn sweep(&self) {
        let ticket = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let _turn = self.turn.lock().await;
        if self.done.load(Ordering::Acquire) >= ticket {
            return;
        }
        let covered = self.asked.load(Ordering::Acquire);
        if let Err(error) = self.sweep_now().await {
            tracing::error!("artifacts that nobody uses could not be removed: {error:#}");
        }
        self.done.store(covered, Ordering::Release);
    }

    async fn sweep_now(&self) -> anyhow::Result<()> {
        let sweep = self.parts.builder.sweep().await;
        let store = &self.parts.store;
        let mut artifacts = store.artifacts_in_use().await?;
        // An instance may outlive the record of its build.
        artifacts.extend(self.live().into_iter().map(|(_, artifact)| artifact));
        let repositories = store.repositories_to_stay().await?.into_iter();
        let spaces = repositories.filter(|(kind, _)| *kind == RepoKind::Space);
        let spaces = spaces.map(|(_, id)| id.space()).collect();
        sweep.run(InUse { artifacts, spaces }).await?;
        Ok(())
    }

    /// Forgets earlier versions of a Space, the oldest first, until they take no more than their share.
    pub(super) async fn forget_beyond_share(
        &self,
        space: SpaceId,
        owner: AccountId,
    ) -> anyhow::Result<()> {
        let share = self.parts.ledger.owner(owner).disk.limit() / EARLIER;
        let mut kept = self.parts.store.artifacts_of(space).await?;
        let builder = &self.parts.builder;
        let newest = builder.disk_of(space, &kept[..kept.len().min(1)]).await;
        let takes =
            async |kept: &[Artifact]| builder.disk_of(space, kept).await.bytes - newest.bytes;
        let mut over = Vec::new();
        while kept.len() > 1 && takes(&kept).await > share {
            over.extend(kept.pop());
        }
        if over.is_empty() {
            return Ok(());
        }
        let earlier = self.earlier(owner).await?;
        let old = earlier.into_iter().filter(|(of, build)| {
            *of == space
                && build
                    .artifact
                    .as_ref()
                    .is_some_and(|made| over.contains(made))
        });
        self.forget(old.map(|(_, build)| build.id).collect()).await
    }

    /// Forgets all earlier versions of an owner's Spaces when less than a tenth of the owner's disk is free. Whether there
    /// were some.
    pub(super) async fn forget_when_full(&self, owner: &OwnerAccount) -> anyhow::Result<bool> {
        let is_full = |book: &QuotaPool| book.used() / 9 >= book.limit() / 10;
        if !is_full(&owner.disk) && !is_full(&owner.files) {
            return Ok(false);
        }
        let earlier = self.earlier(owner.owner).await?;
        if earlier.is_empty() {
            return Ok(false);
        }
        let spaces: BTreeSet<_> = earlier.iter().map(|(space, _)| *space).collect();
        let builds = earlier.into_iter().map(|(_, build)| build.id);
        self.forget(builds.collect()).await?;
        for space in spaces {
            let kind = RepoKind::Space;
            self.parts.measure(kind, space.into(), owner.owner).await;
        }
        Ok(true)
    }

    /// Builds that no instance runs and that are not the newest good ones.
    async fn earlier(&self, owner: AccountId) -> anyhow::Result<Vec<(SpaceId, BuildFacts)>> {
        let running: HashSet<BuildId> = self.live().into_iter().map(|(id, _)| id).collect();
        let mut earlier = self.parts.store.earlier_builds(owner).await?;
        earlier.retain(|(_, build)| !running.contains(&build.id));
        Ok(earlier)
    }

    async fn forget(&self, builds: Vec<BuildId>) -> anyhow::Result<()> {
        for build in builds {
            self.parts.store.forget_build(build).await?;
        }
        self.sweep().await;
        Ok(())
    }

    /// What instances run, and the builds that made it.
    fn live(&self) -> Vec<(BuildId, Artifact)> {
        let mut live = BTreeMap::new();
        for (_, own) in self.registry.all() {
            for kept in &own.observed.lock().instances {
                live.insert(kept.build, kept.artifact.clone());
            }
        }
        live.into_iter().collect()
    }
}
