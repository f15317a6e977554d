//! What built artifacts take on disk.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::Docker;
use bollard::models::ImageHistoryResponseItem;
use parking_lot::MutexGuard;
use tokio::sync::Semaphore;

use super::{Builder, Inner};
use crate::docker::{layer_folders, tree};
use crate::domain::{Artifact, ArtifactKind, DiskAmount, SpaceId};
use crate::repo::amount_below;

/// How the names of images that we build begin.
const NAMES: &str = "glasshouse/";

/// A layer that was built here.
#[derive(Debug)]
pub(super) struct Layer {
    /// What tells it from others.
    key: String,
    amount: DiskAmount,
}

/// Layers are walked by one at a time: after a start there may be many.
static WALKS: Semaphore = Semaphore::const_new(1);

// === impl Builder ===

impl Builder {
    /// What artifacts of a Space take together: of images the layers that were built, each once, and not of the base they
    /// stand on; an engine whose layers are not on this host does not say how many files those hold. The layers that its last
    /// build left when it failed are counted too. What an engine that is away has is not.
    pub async fn disk_of(&self, space: SpaceId, artifacts: &[Artifact]) -> DiskAmount {
        let inner = &self.inner;
        let mut paths = HashSet::new();
        let mut images = Vec::new();
        for artifact in artifacts {
            match &artifact.kind {
                ArtifactKind::Image { id, .. } => images.push(id.clone()),
                ArtifactKind::Site { digest, .. } => {
                    paths.insert(inner.sites().join(digest));
                }
                ArtifactKind::Component { digest, .. } => {
                    paths.insert(Self::component_path(&inner.config.artifacts, digest));
                }
            }
        }
        // What a build printed can look like an id: the last that there is.
        for step in inner.failed_steps(space).into_iter().rev() {
            if inner.layers_of(&step).await.is_some() {
                images.push(step);
                break;
            }
        }
        let mut layers = HashMap::new();
        for image in images {
            let found = inner.layers_of(&image).await;
            let of_it = found.iter().flat_map(|layers| layers.iter());
            layers.extend(of_it.map(|layer| (layer.key.clone(), layer.amount)));
        }
        let look = move || paths.iter().map(|path| amount_of(path)).sum::<DiskAmount>();
        let files = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        files + layers.into_values().sum()
    }
}

fn amount_of(path: &Path) -> DiskAmount {
    match path.metadata() {
        Ok(facts) if facts.is_file() => DiskAmount::file(facts.len()),
        _ => amount_below(path),
    }
}

/// Where the layers of an image above its base are, if they are on this host.
async fn folders_above(docker: &Docker, image: &str, base: Option<&str>) -> Option<Vec<PathBuf>> {
    let found = docker.inspect_image(image).await.ok()?;
    let mut folders = layer_folders(&found)?;
    if let Some(base) = base {
        let base = docker.inspect_image(base).await.ok()?;
        let below = base.root_fs?.layers?.len();
        folders.truncate(folders.len().checked_sub(below)?);
    }
    Some(folders)
}

async fn walked(folders: Vec<PathBuf>) -> Arc<[Layer]> {
    let _one = WALKS.acquire().await;
    let walk = move || {
        let layers = folders.into_iter().map(|folder| Layer {
            amount: tree::disk(&folder),
            key: folder.display().to_string(),
        });
        layers.collect()
    };
    tokio::task::spawn_blocking(walk).await.unwrap_or_default()
}

// === impl Inner ===

impl Inner {
    async fn layers_of(&self, image: &str) -> Option<Arc<[Layer]>> {
        if let Some(layers) = self.layers().get(image) {
            return Some(Arc::clone(layers));
        }
        let docker = self.config.images.engine.connect().await.ok()?;
        let history = docker.image_history(image).await.ok()?;
        // Newest first. What we build is named `glasshouse/…`, its steps have no names; a base has a name of another kind.
        let is_ours = |layer: &&ImageHistoryResponseItem| {
            let mut names = layer.tags.iter();
            names.all(|name| name.starts_with(NAMES))
        };
        let ours = history.iter().take_while(is_ours);
        let base = history.iter().find(|layer| !is_ours(layer));
        let base = base.map(|layer| layer.id.as_str());
        let layers: Arc<[Layer]> = match folders_above(&docker, image, base).await {
            Some(folders) => walked(folders).await,
            None => ours
                .map(|layer| Layer {
                    // Layers that were fetched have no ids of their own.
                    key: format!("{} {} {}", layer.id, layer.created, layer.created_by),
                    amount: DiskAmount::new(u64::try_from(layer.size).unwrap_or(0), 0),
                })
                .collect(),
        };
        // An image is named by its content, so that its layers never change.
        self.layers().insert(image.to_owned(), Arc::clone(&layers));
        Some(layers)
    }

    pub(super) fn layers(&self) -> MutexGuard<'_, HashMap<String, Arc<[Layer]>>> {
        self.layers.lock()
    }
}
