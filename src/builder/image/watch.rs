//! Keeps a build within its limits while the engine works on it.
//!
//! The engine bounds memory, CPU and processes itself. How much a build writes it does not: the watch finds the build's
//! containers by their network, which is this build's alone, and ends a build that goes beyond.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptions};
use parking_lot::Mutex;

use super::ImageLimits;
use super::failure::internal;
use crate::docker::{free, most_files, written};
use crate::domain::{BuildError, DiskAmount, bytes_text};
use crate::ledger::BuildTurns;

/// Between two looks, when nothing says that there is something to see.
const EVERY: Duration = Duration::from_millis(500);
/// Looking at how much a container has written takes long when it is much: at most this share of the time.
const SHARE: u32 = 10;

/// The watch over one build.
pub(super) struct Watch<'a> {
    pub(super) docker: &'a Docker,
    /// The build's own network.
    pub(super) network: &'a str,
    pub(super) limits: &'a ImageLimits,
    /// Where room is reserved for what its steps write; `None` for what is nobody's.
    pub(super) turns: Option<&'a BuildTurns>,
    /// The steps that have ended, in order.
    pub(super) steps: Arc<Mutex<Vec<String>>>,
    /// The images that it is built on, by id.
    pub(super) bases: Vec<String>,
    /// The folder in which the engine keeps everything, if it is on this machine.
    pub(super) root: Option<PathBuf>,
}

/// What the first of a build's steps left.
#[derive(Default)]
struct Layers {
    steps: usize,
    bytes: u64,
}

// === impl Watch ===

impl Watch<'_> {
    /// Looks until the build goes beyond a limit; whoever drops the future ends the watch.
    pub(super) async fn run(&self) -> BuildError {
        match self.measure_all().await {
            Err(beyond) => beyond,
            Ok(never) => match never {},
        }
    }

    async fn measure_all(&self) -> Result<Infallible, BuildError> {
        let free_at_first = self.free();
        let mut measure_at = Instant::now();
        let mut layers = Layers::default();
        let mut reserved = 0;
        loop {
            self.disk_is_not_full(free_at_first)?;
            if measure_at <= Instant::now() {
                let began = Instant::now();
                let mut written = 0;
                for id in self.containers().await? {
                    written += self.measure(&id).await?;
                }
                self.weigh(&mut layers).await;
                let sum = reserved.max(layers.bytes + written);
                self.reserve(sum - reserved)?;
                reserved = sum;
                measure_at = Instant::now() + began.elapsed() * SHARE;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The containers of this build, created or running.
    async fn containers(&self) -> Result<Vec<String>, BuildError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some([("network".to_owned(), vec![self.network.to_owned()])].into()),
            ..ListContainersOptions::default()
        };
        let containers = self.docker.list_containers(Some(options)).await;
        let containers = containers.map_err(|error| internal(&error))?;
        Ok(containers
            .into_iter()
            .filter_map(|container| container.id)
            .collect())
    }

    /// Adds what the steps left that have ended since: those that copy files run in no container.
    async fn weigh(&self, layers: &mut Layers) {
        let steps = self.steps.lock()[layers.steps..].to_vec();
        layers.steps += steps.len();
        for step in steps {
            let is_base = |id: &String| id.trim_start_matches("sha256:").starts_with(&step);
            if self.bases.iter().any(is_base) {
                continue;
            }
            // Newest first: its own layer.
            let history = self.docker.image_history(&step).await.unwrap_or_default();
            let own = history.first().map_or(0, |layer| layer.size);
            layers.bytes = layers.bytes.saturating_add(u64::try_from(own).unwrap_or(0));
        }
    }

    fn reserve(&self, bytes: u64) -> Result<(), BuildError> {
        let Some(turns) = self.turns else {
            return Ok(());
        };
        let reserved = turns.reserve_disk(DiskAmount::new(bytes, 0));
        reserved.map_err(|refused| {
            BuildError::author(format!(
                "The build was stopped because there is no disk space for its output: {}.",
                refused.explain()
            ))
        })
    }

    /// Bytes that a step wrote up to now.
    async fn measure(&self, id: &str) -> Result<u64, BuildError> {
        // It may be gone by now.
        let Ok(found) = self
            .docker
            .inspect_container(id, None::<InspectContainerOptions>)
            .await
        else {
            return Ok(0);
        };
        let image = self
            .docker
            .inspect_image(found.image.as_deref().unwrap_or_default());
        let below = image.await.ok().and_then(|image| image.size);
        let below = below
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or(0);
        let Ok(written) = written(self.docker, found).await else {
            return Ok(0);
        };
        let limit = self.limits.image_bytes;
        if below.saturating_add(written.bytes) > limit {
            return Err(too_large(limit));
        }
        if written.files > most_files(limit) {
            return Err(too_many_files(limit));
        }
        Ok(written.bytes)
    }

    fn free(&self) -> Option<u64> {
        free(self.root.as_deref()?)
    }

    /// The last line of defence: what a build writes past the containers is in the engine's own folder.
    fn disk_is_not_full(&self, free_at_first: Option<u64>) -> Result<(), BuildError> {
        let (Some(first), Some(now)) = (free_at_first, self.free()) else {
            return Ok(());
        };
        if now >= self.limits.free_bytes {
            return Ok(());
        }
        if first.saturating_sub(now) > self.limits.image_bytes {
            return Err(too_large(self.limits.image_bytes));
        }
        Err(BuildError::server(format!(
            "the disk of this server's container engine has less than {} free, which is reserved",
            bytes_text(self.limits.free_bytes)
        )))
    }
}

/// The refusal of a step that makes more files than an image of so many bytes may have.
pub(super) fn too_many_files(most_bytes: u64) -> BuildError {
    BuildError::author(format!(
        "A step of the build created more than {} files, the limit on this server.",
        most_files(most_bytes)
    ))
}

/// The refusal of an image, or of what is to become one.
pub(super) fn too_large(most: u64) -> BuildError {
    BuildError::author(format!(
        "The image is larger than {}, the limit on this server, base image included. Install less, or remove what \
         only the build needs in the same `RUN` that creates it.",
        bytes_text(most)
    ))
}
