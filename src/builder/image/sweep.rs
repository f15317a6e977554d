//! Takes away from the engine what nobody needs any more: images, the layers of old builds, networks of ended ones.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::Docker;
use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, ListNetworksOptions, RemoveContainerOptions,
    RemoveImageOptions,
};

use super::super::Inner;
use super::record::Record;
use crate::docker::{BUILD, EngineError, is_gone, status};
use crate::domain::BuildId;

/// An image may have been made and its build not yet recorded; it has this long.
const GRACE: Duration = Duration::from_secs(600);
/// The layers of a failed build wait this long for the next try.
const RETRY: Duration = Duration::from_secs(24 * 3600);

/// The name of a build's image on the engine.
pub(super) fn tag(data: &str, build: BuildId) -> String {
    format!("glasshouse/{data}:{build}")
}

// === impl Inner ===

impl Inner {
    /// Removes images of this data folder that are not in `used`, and what ended builds left. Returns how many images.
    ///
    /// # Errors
    /// When the engine answers but will not. One that is not there has nothing to sweep.
    pub(in crate::builder) async fn sweep_images(
        &self,
        used: &HashSet<String>,
    ) -> anyhow::Result<usize> {
        let docker = match self.config.images.engine.connect().await {
            Ok(docker) => docker,
            Err(EngineError::Off | EngineError::Absent { .. }) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let removed = self.sweep_named(&docker, used).await?;
        self.sweep_steps(&docker, used).await?;
        self.sweep_networks(&docker).await?;
        Ok(removed)
    }

    async fn sweep_named(&self, docker: &Docker, used: &HashSet<String>) -> anyhow::Result<usize> {
        let options = ListImagesOptions {
            filters: Some(self.config.images.engine.own()),
            ..ListImagesOptions::default()
        };
        let mut removed = 0;
        for image in docker.list_images(Some(options)).await? {
            let age = now() - image.created.saturating_mul(1000);
            if used.contains(&image.id) || age < millis(GRACE) {
                continue;
            }
            for name in image.repo_tags.iter().chain([&image.id]) {
                remove(docker, name).await?;
            }
            removed += usize::from(docker.inspect_image(&image.id).await.is_err());
        }
        Ok(removed)
    }

    /// Layers without a name that no build of ours would find in the cache any more.
    async fn sweep_steps(&self, docker: &Docker, used: &HashSet<String>) -> anyhow::Result<()> {
        let lives = |record: &Record| {
            let age = now().saturating_sub(record.began);
            record
                .build
                .is_some_and(|build| self.underway().contains(&build))
                || match &record.image {
                    Some(image) => used.contains(image) || age < millis(GRACE),
                    None => age < millis(RETRY),
                }
        };
        let (live, dead): (Vec<_>, Vec<_>) =
            Record::all(&self.images())?.into_iter().partition(lives);
        let needed: HashSet<&String> = live.iter().flat_map(|record| &record.steps).collect();
        for record in &dead {
            let mut left = false;
            // Later steps are built on earlier ones.
            for step in record.steps.iter().rev() {
                left |=
                    needed.contains(step) || !self.remove_step(docker, step, record.began).await?;
            }
            // While some are left it is the proof that they are ours.
            if !left {
                fs::remove_file(&record.path)?;
            }
        }
        Ok(())
    }

    /// Whether there is nothing (any more) to remove.
    async fn remove_step(&self, docker: &Docker, step: &str, began: i64) -> anyhow::Result<bool> {
        let image = match docker.inspect_image(step).await {
            Ok(image) => image,
            Err(error) if is_gone(&error) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let named =
            |names: &Option<Vec<String>>| names.as_ref().is_some_and(|names| !names.is_empty());
        let created = image
            .created
            .as_deref()
            .and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let is_older = created.is_none_or(|at| at.as_millisecond() < began);
        if is_older || named(&image.repo_tags) || named(&image.repo_digests) {
            return Ok(true);
        }
        remove(docker, step).await
    }

    async fn sweep_networks(&self, docker: &Docker) -> anyhow::Result<()> {
        let mut filters = self.config.images.engine.own();
        filters
            .entry("label".to_owned())
            .or_default()
            .push(BUILD.to_owned());
        let options = ListNetworksOptions {
            filters: Some(filters),
        };
        for network in docker.list_networks(Some(options)).await? {
            let build = network
                .labels
                .and_then(|labels| labels.get(BUILD)?.parse().ok());
            if let Some(build) = build
                && !self.underway().contains(&build)
            {
                self.remove_network(build).await;
            }
        }
        Ok(())
    }

    /// Whether the engine has ended what it ran for a build.
    pub(super) async fn network_is_free(&self, build: BuildId) -> bool {
        let containers = self.containers_of(build).await;
        containers.is_ok_and(|containers| containers.is_empty())
    }

    /// Removes the network of an ended build, with whatever is still in it.
    pub(super) async fn remove_network(&self, build: BuildId) {
        let removed = async {
            let docker = self.config.images.engine.connect().await?;
            for id in self.containers_of(build).await? {
                let options = RemoveContainerOptions {
                    force: true,
                    v: true,
                    ..RemoveContainerOptions::default()
                };
                match docker.remove_container(&id, Some(options)).await {
                    Err(error) if !is_gone(&error) => return Err(error.into()),
                    _ => {}
                }
            }
            self.config
                .images
                .networks
                .remove(Some(&build.to_string()))
                .await
        };
        if let Err(error) = removed.await {
            tracing::warn!(%build, "the network of a build could not be removed: {error:#}");
        }
    }

    async fn containers_of(&self, build: BuildId) -> anyhow::Result<Vec<String>> {
        let images = &self.config.images;
        let docker = images.engine.connect().await?;
        let options = ListContainersOptions {
            all: true,
            filters: Some(
                [(
                    "network".to_owned(),
                    vec![
                        images
                            .networks
                            .name(&build.to_string(), images.limits.reach),
                    ],
                )]
                .into(),
            ),
            ..ListContainersOptions::default()
        };
        let containers = docker.list_containers(Some(options)).await?;
        Ok(containers
            .into_iter()
            .filter_map(|container| container.id)
            .collect())
    }
}

/// Whether it is gone. What others are built on, or a container uses, stays; so do layers below it, which may be a
/// stranger's.
async fn remove(docker: &Docker, name: &str) -> anyhow::Result<bool> {
    let options = RemoveImageOptions {
        noprune: true,
        ..RemoveImageOptions::default()
    };
    match docker.remove_image(name, Some(options), None).await {
        Ok(_) => Ok(true),
        Err(error) if status(&error) == Some(404) => Ok(true),
        Err(error) if status(&error) == Some(409) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, millis)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
