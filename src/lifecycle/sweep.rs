//! Removes what nobody uses any more.

use std::sync::Arc;
use std::time::Duration;

use super::Parts;

/// How often artifacts that nobody uses are looked for.
const EVERY: Duration = Duration::from_secs(600);

/// Builds kept for each Space.
const KEPT_BUILDS: i64 = 10;

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
    // An engine that does not say what is mounted keeps all of it.
    if let Some(mounted) = parts.runtimes.mounted().await {
        parts.repos.sweep_shelves(mounted).await?;
    }
    parts.repos.sweep_xorbs(super::now()).await?;
    parts.runtimes.containers().sweep().await;
    parts.repos.tidy().await?;
    super::usage::forget(parts).await?;
    parts.measure_all().await?;
    Ok(())
}
