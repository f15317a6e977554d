//! Removes artifacts that nothing refers to any more.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::{Builder, Inner};
use crate::domain::{Artifact, ArtifactKind, SpaceId};
use crate::wasm_engine::seal::seal_path;

/// What a sweep leaves alone, beside what builds under way have.
#[derive(Debug, Default)]
pub struct InUse {
    /// Artifacts that Spaces have.
    pub artifacts: Vec<Artifact>,
    /// Spaces that are there to stay: the layers of their last failed builds are of use to their next.
    pub spaces: HashSet<SpaceId>,
}

/// A sweep that has begun; there is one at a time.
pub struct Sweep {
    inner: Arc<Inner>,
    _alone: OwnedMutexGuard<()>,
}

// === impl Builder ===

impl Builder {
    /// Begins a sweep. What is in use must be read after this: what is recorded from here on is kept.
    pub async fn sweep(&self) -> Sweep {
        let alone = Arc::clone(&self.inner.sweeping).lock_owned().await;
        self.inner.holds.begin_sweep();
        Sweep {
            inner: Arc::clone(&self.inner),
            _alone: alone,
        }
    }
}

// === impl Sweep ===

impl Sweep {
    /// Removes what is not in use, and returns how many artifacts that were.
    ///
    /// # Errors
    /// When the folders cannot be read; what could be removed is removed.
    pub async fn run(self, in_use: InUse) -> io::Result<usize> {
        let used: HashSet<String> = in_use.artifacts.iter().map(name).collect();
        let used = Arc::new(used);
        let (inner, names) = (Arc::clone(&self.inner), Arc::clone(&used));
        let work = move || inner.sweep_files(&names);
        let files = tokio::task::spawn_blocking(work)
            .await
            .map_err(io::Error::other)??;
        let images = self.inner.sweep_images(&used, &in_use.spaces).await;
        let images = images.unwrap_or_else(|error| {
            tracing::warn!("old images could not be removed: {error:#}");
            0
        });
        Ok(files + images)
    }
}

/// The digest of files, or the id of an image.
fn name(artifact: &Artifact) -> String {
    match &artifact.kind {
        ArtifactKind::Site { digest, .. } | ArtifactKind::Component { digest, .. } => {
            digest.clone()
        }
        ArtifactKind::Image { id, .. } => id.clone(),
    }
}

// === impl Inner ===

impl Inner {
    fn sweep_files(&self, used: &HashSet<String>) -> io::Result<usize> {
        let components = self.sweep_folder(&self.components(), used)?;
        let sites = self.sweep_folder(&self.sites(), used)?;
        Ok(components + sites)
    }

    fn sweep_folder(&self, folder: &Path, used: &HashSet<String>) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            // `DIGEST`, `DIGEST.cwasm` or `DIGEST.cwasm.seal`.
            let digest = name.split('.').next().unwrap_or_default();
            // A seal goes with the code it seals.
            let sealed = name
                .strip_suffix(".seal")
                .is_some_and(|code| folder.join(code).exists());
            if used.contains(digest) || sealed {
                continue;
            }
            match self.remove_file(digest, &path) {
                Ok(gone) => removed += usize::from(gone),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "An old artifact could not be removed.")
                }
            }
        }
        Ok(removed)
    }

    /// Removes an artifact's file or folder, unless a build has it.
    fn remove_file(&self, digest: &str, path: &Path) -> io::Result<bool> {
        // Out of the way under the lock, which is quick; what takes long comes after.
        let away = self.scratch_folder()?;
        {
            let _places = self.places();
            if self.holds.is_held(digest) {
                return Ok(false);
            }
            fs::rename(path, away.path().join("old"))?;
            match fs::rename(seal_path(path), away.path().join("seal")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        away.close()?;
        Ok(true)
    }
}
