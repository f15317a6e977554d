//! Takes what an earlier process left into care: stored Spaces, and the containers that went on running without it.

use std::collections::HashMap;
use std::sync::Arc;

use super::observed::{Kept, KeptState};
use super::supervisor::{Supervisor, Supervisors, lock};
use super::{FirstCommit, Parts, now, snapshot, start};
use crate::domain::{Desired, RepoId, RepoKind, Sdk, Space, SpaceId};
use crate::ledger::Reservation;
use crate::runtime::Runtime;
use crate::runtime::container::Found;

/// Takes every stored Space into care.
///
/// Three things can lie half done after a crash: a Space whose row was written and whose repository was not made, a
/// repository without its first commit, and a commit whose publish was not recorded. All are finished here.
pub(super) async fn adopt(parts: &Arc<Parts>, supervisors: &Supervisors) -> anyhow::Result<()> {
    let mut running: HashMap<SpaceId, Vec<Found>> = HashMap::new();
    for found in parts.runtimes.containers().find().await {
        running.entry(found.space).or_default().push(found);
    }
    for id in parts.store.space_ids().await? {
        let Some(space) = parts.store.space_by_id(id).await? else {
            continue;
        };
        if space.desired != Desired::Deleted {
            parts.place(&space);
            if let Err(error) = mend(parts, &space).await {
                // One broken Space keeps no other from coming up.
                let name = &space.name;
                tracing::error!(space = %name, "{name} could not be put right: {error:#}");
            }
        }
        let Some(supervisor) = supervisors.admit(id) else {
            continue;
        };
        for found in running.remove(&id).unwrap_or_default() {
            take_in(&supervisor, &space, found).await?;
        }
        supervisors.run(supervisor);
    }
    // Their Spaces are gone.
    for orphan in running.into_values().flatten() {
        parts.runtimes.containers().stop(orphan.instance).await;
    }
    parts.mend_repositories().await
}

async fn mend(parts: &Parts, space: &Space) -> anyhow::Result<()> {
    parts.repos.create(space.id).await?;
    let head = parts.repos.read(space.id, |repo| repo.head()).await?;
    let Some(head) = head else {
        if space.head.is_some() {
            anyhow::bail!("its repository has lost its commits");
        }
        let first = FirstCommit {
            author: space.name.owner.to_string(),
            sdk: Sdk::Static,
        };
        let id = RepoId::from(space.id);
        let kind = RepoKind::Space;
        let head = parts.first_commit(kind, id, &space.name, first).await?;
        parts.store.set_head(space.id, &head).await?;
        return Ok(());
    };
    if space.head.as_ref() != Some(&head) {
        let name = &space.name;
        tracing::warn!(space = %name, "{name} has a commit that was never published; publishing it now");
        let sdk = parts.sdk_at(space.id, &head).await;
        let sdk = sdk.map(Sdk::as_str);
        parts.store.publish(space.id, &head, sdk, true).await?;
    }
    Ok(())
}

/// Keeps a container that still runs what is wanted, and stops any other.
async fn take_in(supervisor: &Supervisor, space: &Space, found: Found) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    let containers = parts.runtimes.containers();
    let stored = snapshot::load(parts, space.id).await?;
    let good = stored
        .and_then(|stored| stored.good)
        .filter(|good| good.id == found.build);
    let wanted = space.wanted() == Desired::Running && found.restarts == space.restarts;
    if let Some(good) = good.filter(|_| wanted)
        && let Some(mut spec) = start::spec(supervisor, space, &good, found.instance).await?
        && let Some(entry) = parts.entry(space)
    {
        let artifact = spec.artifact.clone();
        spec.reservation = Some(Reservation::of_running(&spec.account, spec.limits));
        match containers.adopt(spec).await {
            Ok(upstream) => {
                let serving = entry.serving(found.instance, upstream);
                lock(&supervisor.own.observed).instances.push(Kept {
                    id: found.instance,
                    build: good.id,
                    restarts: found.restarts,
                    artifact,
                    state: KeptState::Ready {
                        serving,
                        since: now(),
                        routed: false,
                        frozen: false,
                        draining_since: None,
                    },
                });
                return Ok(());
            }
            Err(error) => {
                let name = &space.name;
                tracing::warn!(space = %name, "a container of {name} could not be adopted: {error}");
            }
        }
    }
    containers.stop(found.instance).await;
    Ok(())
}
