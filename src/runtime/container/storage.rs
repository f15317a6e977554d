//! Durable storage: a folder for each workload that asks, seen by its containers as `/data`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Inner, USER};
use crate::docker::tree;
use crate::domain::{DiskAmount, WorkloadId};

/// Where containers see it.
pub(super) const STORAGE: &str = "/data";

// === impl Inner ===

impl Inner {
    /// The folder of all durable storage.
    pub(super) fn storage(&self) -> &Path {
        &self.settings.storage
    }

    fn folder_of(&self, workload: WorkloadId) -> PathBuf {
        self.settings.storage.join(workload.file_stem())
    }

    /// The folder of a workload, made if it is not there, as the engine wants it.
    pub(super) async fn storage_folder(&self, workload: WorkloadId) -> anyhow::Result<String> {
        let folder = self.folder_of(workload);
        let made = folder.clone();
        tokio::task::spawn_blocking(move || make(&made))
            .await?
            .context("its durable storage could not be made")?;
        let folder = std::path::absolute(folder)?;
        folder
            .into_os_string()
            .into_string()
            .map_err(|_| anyhow::anyhow!("the data folder's path is not text"))
    }

    /// What a workload holds in its durable storage. Blocks.
    pub(super) fn stored(&self, workload: WorkloadId) -> DiskAmount {
        tree::disk(&self.folder_of(workload))
    }

    /// Removes it. Blocks.
    pub(super) fn remove_storage(&self, workload: WorkloadId) -> anyhow::Result<()> {
        match tree::remove(&self.folder_of(workload)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).context("its durable storage could not be removed")
            }
            _ => Ok(()),
        }
    }
}

fn make(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    // A server that is not root cannot give it away; its engine then maps users in a way of its own.
    match std::os::unix::fs::chown(folder, Some(USER), Some(USER)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}
