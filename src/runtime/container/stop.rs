//! Stopping, freezing, thawing. Each may be done twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use bollard::Docker;
use bollard::query_parameters::{RemoveContainerOptions, StopContainerOptions};
use tokio::time::sleep;

use super::super::Runtime;
use super::{ContainerRuntime, Inner, cpu, name_of};
use crate::docker::{is_gone, status};
use crate::domain::{InstanceId, WorkloadId};

/// How long it is looked at whether something computes.
const GLIMPSE: Duration = Duration::from_millis(250);

/// Beyond the grace, for the engine's own work.
const PATIENCE: Duration = Duration::from_secs(30);

// === impl Inner ===

impl Inner {
    /// Asks the container to end, waits for its grace, and removes it.
    pub(super) async fn stop(&self, id: InstanceId) {
        let running = self.running.lock().get(&id).cloned();
        if let Some(running) = &running {
            running.stopping.store(true, Ordering::Release);
        }
        if let Ok(docker) = self.engine.connect().await {
            let name = name_of(id);
            if let Some(running) = &running
                && let Some(sample) = cpu::cpu(&docker, &name).await
            {
                running.charge(sample);
            }
            let patience = self.settings.stop_grace + PATIENCE;
            let ended = tokio::time::timeout(patience, self.end(&docker, &name)).await;
            if let Err(error) = ended.unwrap_or_else(|_| Err(anyhow::anyhow!("it took too long"))) {
                tracing::error!(container = %name, "a container could not be removed, and will be later: {error:#}");
            }
        }
        self.running.lock().remove(&id);
        if let Some(running) = running {
            running.give_back();
        }
    }

    async fn end(&self, docker: &Docker, name: &str) -> anyhow::Result<()> {
        // The engine does not stop what is frozen.
        let _ = docker.unpause_container(name).await;
        let options = StopContainerOptions {
            t: i32::try_from(self.settings.stop_grace.as_secs()).ok(),
            ..StopContainerOptions::default()
        };
        match docker.stop_container(name, Some(options)).await {
            Err(error) if status(&error) == Some(404) => return Ok(()),
            // 304: it has ended already. Whatever else went wrong, the removal kills it.
            _ => {}
        }
        remove(docker, name).await
    }

    /// Whether it computes right now. An engine that does not say is no reason to disturb it.
    pub(super) async fn is_working(&self, id: InstanceId) -> bool {
        let running = self.running.lock().get(&id).cloned();
        let (Some(running), Ok(docker)) = (running, self.engine.connect().await) else {
            return false;
        };
        if running.frozen.load(Ordering::Acquire) {
            return false;
        }
        let name = name_of(id);
        let Some(before) = cpu::cpu(&docker, &name).await else {
            return true;
        };
        let begin = Instant::now();
        sleep(GLIMPSE).await;
        let Some(after) = cpu::cpu(&docker, &name).await else {
            return true;
        };
        let used = after.used.saturating_sub(before.used);
        running.work.computes(begin.elapsed(), used)
    }

    pub(super) async fn freeze(&self, id: InstanceId) -> anyhow::Result<()> {
        let docker = self.engine.connect().await?;
        docker.pause_container(&name_of(id)).await?;
        if let Some(running) = self.running.lock().get(&id) {
            running.frozen.store(true, Ordering::Release);
        }
        Ok(())
    }

    pub(super) async fn thaw(&self, id: InstanceId) -> anyhow::Result<()> {
        let docker = self.engine.connect().await?;
        if let Some(running) = self.running.lock().get(&id) {
            running.work.forget();
            running.frozen.store(false, Ordering::Release);
        }
        match docker.unpause_container(&name_of(id)).await {
            // It is not frozen, which is what was wanted; or it has ended, which its watcher sees.
            Err(error) if matches!(status(&error), Some(409 | 500)) => Ok(()),
            other => other.context("the engine"),
        }
    }
}

/// Removes a container, running or not, with its writable layer and anonymous volumes.
pub(super) async fn remove(docker: &Docker, name: &str) -> anyhow::Result<()> {
    let options = RemoveContainerOptions {
        force: true,
        v: true,
        ..RemoveContainerOptions::default()
    };
    match docker.remove_container(name, Some(options)).await {
        Err(error) if !is_gone(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

// === impl ContainerRuntime ===

impl ContainerRuntime {
    /// Removes what a workload leaves beside its containers: its network and its durable storage.
    ///
    /// # Errors
    /// When the storage cannot be removed.
    pub(super) async fn remove_rest(&self, workload: WorkloadId) -> anyhow::Result<()> {
        if self.is_on()
            && let Err(error) = self.0.networks.remove(Some(&workload.file_stem())).await
        {
            // An engine that is away keeps no Space from being deleted; the sweep comes back to it.
            tracing::warn!(%workload, "the network of {workload} could not be removed: {error:#}");
        }
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || inner.remove_storage(workload)).await?
    }
}
