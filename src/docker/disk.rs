//! What a container has written, measured on this host: the engine's own count ends where paths become too long for it, and
//! leaves out what has no name.

use std::path::{Path, PathBuf};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ImageInspect};
use bollard::query_parameters::InspectContainerOptions;

use super::{tree, unlinked};
use crate::domain::DiskAmount;

/// What a container takes on disk beside its image and what is mounted into it: in its own layer, below the `VOLUME`s of its
/// image, and in files that it holds open and that have no name any more.
///
/// # Errors
/// When the engine does not answer, or has no such container any more.
pub async fn written(
    docker: &Docker,
    mut found: ContainerInspectResponse,
) -> Result<DiskAmount, Error> {
    let mut folders = own_volumes(&found);
    let mut layer = 0;
    match own_layer(&found).filter(|folder| folder.is_dir()) {
        Some(folder) => folders.push(folder),
        // An engine that keeps layers otherwise counts by itself: the lengths of files, and no more of what is very deep.
        None => {
            let id = found.id.unwrap_or_default();
            let options = InspectContainerOptions { size: true };
            found = docker.inspect_container(&id, Some(options)).await?;
            let counted = found.size_rw.and_then(|bytes| u64::try_from(bytes).ok());
            layer = counted.unwrap_or(0);
        }
    }
    let walked = tokio::task::spawn_blocking(move || {
        let named: DiskAmount = folders.iter().map(|folder| tree::disk(folder)).sum();
        named + unlinked::disk(&found, None)
    });
    // It is given up only when the server ends.
    Ok(walked.await.unwrap_or_default() + DiskAmount::new(layer, 0))
}

/// The length of what a container that has ended has written in its own layer: what the next layer takes, for the engine
/// copies it, and writes out what no file ever held.
///
/// # Errors
/// When the engine does not answer, or has no such container any more.
pub async fn layer_length(docker: &Docker, id: &str) -> Result<DiskAmount, Error> {
    let options = InspectContainerOptions { size: true };
    let found = docker.inspect_container(id, Some(options)).await?;
    let Some(folder) = own_layer(&found).filter(|folder| folder.is_dir()) else {
        let counted = found.size_rw.and_then(|bytes| u64::try_from(bytes).ok());
        return Ok(DiskAmount::new(counted.unwrap_or(0), 0));
    };
    let walked = tokio::task::spawn_blocking(move || tree::length(&folder));
    // It is given up only when the server ends.
    Ok(walked.await.unwrap_or_default())
}

/// What files without a name take that a container holds open below what is mounted at a path of it. Blocks.
pub fn held_open(found: &ContainerInspectResponse, mounted: &str) -> DiskAmount {
    unlinked::disk(found, Some(mounted))
}

/// Bytes left to others than root on the file system of a folder.
pub fn free(folder: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(folder).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

/// How many files and folders so much disk is for: one for each 4 KiB of it, the least that one with anything in it takes.
pub fn most_files(bytes: u64) -> u64 {
    bytes / 4096
}

/// Where the engine keeps what a container writes below the `VOLUME`s of its image: it is in no layer.
fn own_volumes(found: &ContainerInspectResponse) -> Vec<PathBuf> {
    let mounts = found.mounts.iter().flatten();
    let volumes = mounts.filter(|mount| mount.typ.as_deref() == Some("volume"));
    volumes
        .filter_map(|mount| Some(mount.source.as_ref()?.into()))
        .collect()
}

/// Where the engine keeps the layers of an image, the newest first, if it says so and they are on this host.
pub fn layer_folders(image: &ImageInspect) -> Option<Vec<PathBuf>> {
    let data = &image.graph_driver.as_ref()?.data;
    let lower = data.get("LowerDir").map(String::as_str).unwrap_or_default();
    let lower = lower.split(':').filter(|path| !path.is_empty());
    let folders: Vec<PathBuf> = [data.get("UpperDir")?.as_str()]
        .into_iter()
        .chain(lower)
        .map(PathBuf::from)
        .collect();
    let layers = image.root_fs.as_ref()?.layers.as_ref()?.len();
    (folders.len() == layers && folders[0].is_dir()).then_some(folders)
}

/// Where the engine keeps what a container writes elsewhere, if it says so.
pub fn own_layer(found: &ContainerInspectResponse) -> Option<PathBuf> {
    let driver = found.graph_driver.as_ref()?;
    Some(driver.data.get("UpperDir")?.into())
}
