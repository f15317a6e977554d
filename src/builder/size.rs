//! What a built artifact takes on disk.

use std::sync::PoisonError;

use super::{Builder, Inner};
use crate::domain::{Artifact, ArtifactKind, DiskAmount};
use crate::repo::amount_below;

/// How the names of images that we build begin.
const NAMES: &str = "glasshouse/";

// === impl Builder ===

impl Builder {
    /// What an artifact takes: of an image the bytes of the layers that were built, not of the base they stand on; how many
    /// files those hold, the engine does not say. `None` while nothing can be said.
    pub async fn artifact_disk(&self, artifact: &Artifact) -> Option<DiskAmount> {
        let path = match &artifact.kind {
            ArtifactKind::Image { id, .. } => {
                let bytes = self.inner.image_bytes(id).await?;
                return Some(DiskAmount::new(bytes, 0));
            }
            ArtifactKind::Site { digest, .. } => self.inner.sites().join(digest),
            ArtifactKind::Component { digest, .. } => {
                Self::component_path(&self.inner.config.artifacts, digest)
            }
        };
        let look = move || match path.metadata() {
            Ok(facts) if facts.is_file() => DiskAmount::new(facts.len(), 1),
            _ => amount_below(&path),
        };
        tokio::task::spawn_blocking(look).await.ok()
    }
}

// === impl Inner ===

impl Inner {
    async fn image_bytes(&self, id: &str) -> Option<u64> {
        let known = || {
            self.image_sizes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(bytes) = known().get(id) {
            return Some(*bytes);
        }
        let docker = self.config.images.engine.connect().await.ok()?;
        let layers = docker.image_history(id).await.ok()?;
        // Newest first. What we build is named `glasshouse/…`, its steps have no names; a base has a name of another kind.
        let ours = layers.iter().take_while(|layer| {
            let mut names = layer.tags.iter();
            names.all(|name| name.starts_with(NAMES))
        });
        let bytes = ours
            .map(|layer| u64::try_from(layer.size).unwrap_or(0))
            .sum();
        // An image is named by its content, so that its size never changes.
        known().insert(id.to_owned(), bytes);
        Some(bytes)
    }
}
