//! Removes artifacts that nothing refers to any more.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Inner;
use crate::domain::{Artifact, ArtifactKind};
use crate::engine::seal::seal_path;

/// A build may have made or found an artifact and not have recorded it yet; it has this long.
const GRACE: Duration = Duration::from_secs(600);

/// Removes what is not in use and older than the grace. Returns how many artifacts were removed.
pub(super) fn sweep(inner: &Inner, in_use: &[Artifact], now: SystemTime) -> io::Result<usize> {
    let used: HashSet<&str> = in_use
        .iter()
        .map(|artifact| digest(&artifact.kind))
        .collect();
    let components = sweep_folder(inner, &inner.components(), &used, now)?;
    let sites = sweep_folder(inner, &inner.sites(), &used, now)?;
    Ok(components + sites)
}

/// The images in use.
pub(super) fn images(in_use: &[Artifact]) -> HashSet<String> {
    let ids = in_use.iter().filter_map(|artifact| match &artifact.kind {
        ArtifactKind::Image { id, .. } => Some(id.clone()),
        _ => None,
    });
    ids.collect()
}

fn digest(kind: &ArtifactKind) -> &str {
    match kind {
        ArtifactKind::Site { digest, .. } | ArtifactKind::Component { digest, .. } => digest,
        ArtifactKind::Image { id, .. } => id,
    }
}

fn sweep_folder(
    inner: &Inner,
    folder: &Path,
    used: &HashSet<&str>,
    now: SystemTime,
) -> io::Result<usize> {
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
        match remove(inner, &path, now) {
            Ok(gone) => removed += usize::from(gone),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "An old artifact could not be removed.")
            }
        }
    }
    Ok(removed)
}

fn remove(inner: &Inner, path: &Path, now: SystemTime) -> io::Result<bool> {
    // Out of the way under the lock, which is quick; what takes long comes after.
    let away = inner.scratch_folder()?;
    {
        let _places = inner.places();
        let age = now
            .duration_since(fs::symlink_metadata(path)?.modified()?)
            .unwrap_or_default();
        if age < GRACE {
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
