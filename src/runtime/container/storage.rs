//! Durable storage: a folder for each Space that asks, seen by its containers as `/data`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Inner, USER};
use crate::docker::tree;
use crate::domain::{DiskAmount, SpaceId};

/// Where containers see it.
pub(super) const STORAGE: &str = "/data";

// === impl Inner ===

impl Inner {
    /// The folder of all durable storage.
    pub(super) fn storage(&self) -> &Path {
        &self.settings.storage
    }

    fn folder_of(&self, space: SpaceId) -> PathBuf {
        self.settings.storage.join(space.to_string())
    }

    /// The folder of a Space, made if it is not there, as the engine wants it.
    pub(super) async fn storage_folder(&self, space: SpaceId) -> anyhow::Result<String> {
        let folder = self.folder_of(space);
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

    /// What a Space holds in its durable storage. Blocks.
    pub(super) fn stored(&self, space: SpaceId) -> DiskAmount {
        tree::disk(&self.folder_of(space))
    }

    /// Removes it. Blocks.
    pub(super) fn remove_storage(&self, space: SpaceId) -> anyhow::Result<()> {
        match tree::remove(&self.folder_of(space)) {
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
