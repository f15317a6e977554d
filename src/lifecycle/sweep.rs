//! Puts right what a crash left, and removes what nobody uses any more.

use std::sync::Arc;
use std::time::Duration;

use super::Parts;
use super::supervisor::Supervisors;
use crate::domain::{Desired, Sdk, Space};

/// How often artifacts that nobody uses are looked for.
const EVERY: Duration = Duration::from_secs(600);

/// Builds kept for each Space.
const KEPT_BUILDS: i64 = 10;

/// Takes every stored Space into care.
///
/// Two things can lie half done after a crash: a Space whose row was written and whose repository was not made, and a
/// commit whose publish was not recorded. Both are finished here.
pub(super) async fn adopt(parts: &Arc<Parts>, supervisors: &Supervisors) -> anyhow::Result<()> {
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
        supervisors.supervise(id);
    }
    parts.mend_repositories().await
}

async fn mend(parts: &Parts, space: &Space) -> anyhow::Result<()> {
    parts.repos.create(space.id).await?;
    let head = parts.repos.read(space.id, |repo| repo.head()).await?;
    if let Some(head) = head
        && space.head.as_ref() != Some(&head)
    {
        let name = &space.name;
        tracing::warn!(space = %name, "{name} has a commit that was never published; publishing it now");
        let sdk = parts.sdk_at(space.id, &head).await;
        let sdk = sdk.map(Sdk::as_str);
        parts.store.publish(space.id, &head, sdk, true).await?;
    }
    Ok(())
}

/// Cleans up, again and again.
pub(super) async fn run(parts: Arc<Parts>) {
    let mut rounds = tokio::time::interval(EVERY);
    loop {
        rounds.tick().await;
        if let Err(error) = clean(&parts).await {
            tracing::error!("what is not used any more could not be removed: {error:#}");
        }
    }
}

async fn clean(parts: &Parts) -> anyhow::Result<()> {
    parts.store.prune_builds(KEPT_BUILDS).await?;
    let in_use = parts.store.artifacts_in_use().await?;
    parts.builder.sweep(in_use).await?;
    parts.repos.sweep_large().await?;
    parts.repos.sweep_xorbs(super::now()).await?;
    Ok(())
}
