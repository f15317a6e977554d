//! What really runs, asked of the engine by label.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use bollard::Docker;
use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptions;

use super::ContainerRuntime;
use super::stop::remove;
use crate::docker::{BUILD, INSTANCE, RESTARTS, SPACE_ID, WORKLOAD};
use crate::domain::{SpaceId, WorkloadId};
use crate::runtime::{Found, Runtime};

// === impl ContainerRuntime ===

impl ContainerRuntime {
    /// What an earlier process left running. What it left behind that does not run is removed meanwhile, for which the engine
    /// may take its time.
    pub(super) async fn find(&self) -> Vec<Found> {
        // An engine that hangs keeps nothing else from starting; what runs there is swept when it is back.
        if self.is_away().await {
            return Vec::new();
        }
        let found = self.containers().await.unwrap_or_else(|error| {
            tracing::warn!("the container engine cannot be asked what runs: {error:#}");
            Vec::new()
        });
        let mut running = Vec::new();
        for (docker, container) in found {
            match parse(&container) {
                Some(found) if is_alive(&container) => running.push(found),
                _ => drop(tokio::spawn(
                    async move { discard(&docker, &container).await },
                )),
            }
        }
        running
    }

    /// Removes containers of this data folder that nobody in this process knows, and networks that nobody uses.
    pub(super) async fn remove_unknown(&self) {
        if !self.is_on() {
            return;
        }
        let swept = async {
            let containers = self.containers().await?;
            if !containers.is_empty() {
                self.0.engine.connect_to_make().await?;
            }
            for (docker, container) in containers {
                let known = parse(&container)
                    .is_some_and(|found| self.0.running.lock().contains_key(&found.instance));
                if !known {
                    discard(&docker, &container).await;
                }
            }
            self.0.networks.remove(None).await
        };
        if let Err(error) = swept.await {
            tracing::warn!("containers that nobody uses could not be removed: {error:#}");
        }
    }

    /// The folders of this host that containers see, running or not; `None` when the engine does not say.
    pub(super) async fn mounts(&self) -> Option<HashSet<PathBuf>> {
        if !self.is_on() {
            return Some(HashSet::new());
        }
        let containers = self.containers().await.ok()?.into_iter();
        let mounts = containers.flat_map(|(_, container)| container.mounts.unwrap_or_default());
        Some(
            mounts
                .filter_map(|mount| Some(mount.source?.into()))
                .collect(),
        )
    }

    /// Containers made for instances; those that builds make bear no instance's label.
    async fn containers(&self) -> anyhow::Result<Vec<(Docker, ContainerSummary)>> {
        let docker = self.0.engine.connect().await?;
        let mut filters = self.0.engine.own();
        filters
            .entry("label".to_owned())
            .or_default()
            .push(INSTANCE.to_owned());
        let options = ListContainersOptions {
            all: true,
            filters: Some(filters),
            ..ListContainersOptions::default()
        };
        let containers = docker.list_containers(Some(options)).await?;
        Ok(containers
            .into_iter()
            .map(|container| (docker.clone(), container))
            .collect())
    }
}

fn is_alive(container: &ContainerSummary) -> bool {
    let state = container.state.as_ref().map(ToString::to_string);
    matches!(state.as_deref(), Some("running" | "paused"))
}

fn parse(container: &ContainerSummary) -> Option<Found> {
    let labels: &HashMap<String, String> = container.labels.as_ref()?;
    Some(Found {
        instance: labels.get(INSTANCE)?.parse().ok()?,
        workload: workload_of(labels)?,
        build: labels.get(BUILD)?.parse().ok()?,
        restarts: labels.get(RESTARTS)?.parse().ok()?,
    })
}

/// What a container runs. Those that earlier versions made name a Space alone.
fn workload_of(labels: &HashMap<String, String>) -> Option<WorkloadId> {
    match labels.get(WORKLOAD) {
        Some(workload) => workload.parse().ok(),
        None => {
            let space: SpaceId = labels.get(SPACE_ID)?.parse().ok()?;
            Some(space.into())
        }
    }
}

async fn discard(docker: &Docker, container: &ContainerSummary) {
    let Some(id) = &container.id else { return };
    if let Err(error) = remove(docker, id).await {
        tracing::warn!(container = %id, "a container that nobody uses could not be removed: {error:#}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_of_earlier_versions_are_known_too() {
        let space = SpaceId::new();
        let of = |labels: &[(&str, String)]| {
            let labels = labels.iter().cloned();
            workload_of(&labels.map(|(key, value)| (key.to_owned(), value)).collect())
        };
        let known = Some(WorkloadId::Space(space));
        assert_eq!(of(&[(WORKLOAD, format!("space/{space}"))]), known);
        assert_eq!(of(&[(SPACE_ID, space.to_string())]), known);
        // One of a kind that is not known here is nobody's.
        let other = [
            (WORKLOAD, format!("job/{space}")),
            (SPACE_ID, space.to_string()),
        ];
        assert_eq!(of(&other), None);
        assert_eq!(of(&[]), None);
    }
}
