//! Removes what nobody uses any more.

use std::sync::Arc;
use std::time::Duration;

use super::Parts;
use super::artifacts::Artifacts;

/// How often artifacts that nobody uses are looked for.
const EVERY: Duration = Duration::from_secs(600);

/// Builds kept for each Space.
const KEPT_BUILDS: i64 = 10;

/// Cleans up, again and again.
pub(super) async fn run(parts: Arc<Parts>, artifacts: Arc<Artifacts>) {
    let mut rounds = tokio::time::interval(EVERY);
    loop {
        rounds.tick().await;
        clean(&parts, &artifacts).await;
    }
}

/// Each by itself: what cannot be removed keeps nothing else from being removed.
async fn clean(parts: &Parts, artifacts: &Artifacts) {
    parts.store.keep_reserve();
    log_removed("old builds", parts.store.prune_builds(KEPT_BUILDS).await);
    artifacts.sweep().await;
    parts.runtimes.sweep().await;
    log_removed("large files", parts.repos.sweep_large().await);
    parts.sweep_checkouts().await;
    log_removed("xorbs", parts.repos.sweep_xorbs(super::now()).await);
    log_removed("what is left of repositories", parts.repos.tidy().await);
    log_removed(
        "old usage",
        crate::lifecycle::metering::usage::forget(parts).await,
    );
    if let Err(error) = parts.measure_all().await {
        tracing::error!("the Spaces could not be measured: {error:#}");
    }
}

// === impl Parts ===

impl Parts {
    /// Removes what was laid out and nobody uses. An engine that does not say what is mounted keeps all of it.
    pub(super) async fn sweep_checkouts(&self) {
        let Some(mounted) = self.runtimes.mounted().await else {
            return;
        };
        let swept = self.repos.sweep_checkouts(mounted).await;
        if let Ok(owners) = &swept {
            for owner in owners {
                self.measure_account(*owner).await;
            }
        }
        log_removed("what was laid out", swept);
    }
}

fn log_removed<T>(what: &str, removed: Result<T, impl Into<anyhow::Error>>) {
    if let Err(error) = removed {
        tracing::error!(
            "{what} that nobody uses could not be removed: {:#}",
            error.into()
        );
    }
}
