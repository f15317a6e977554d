//! A data folder out of a backup.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use super::files::{copy_folder, copy_private};
use super::{
    ADMIN_TOKEN, DATABASE, KEPT_KEYS, KEYS, Manifest, REPOSITORIES, STORAGE, beside, copy_whole,
    private_folder, repository_ids, sync,
};
use crate::domain::RepoUid;
use crate::repo::{Replicas, Repos};
use crate::store::check_database;

/// Whether a backup is what was written: every file, the database, every repository with its large files. Nothing is
/// changed.
///
/// # Errors
/// What is wrong with it.
pub async fn check(backup: &Path) -> anyhow::Result<Manifest> {
    let manifest = Manifest::read(backup)?;
    manifest.compare(backup)?;
    // Looking at a database may write beside it.
    let folder =
        tempfile::tempdir().context("cannot create a temporary folder for the database")?;
    let ids = database(backup, folder.path()).await?;
    let root = backup.join(REPOSITORIES);
    let replicas = Replicas::new(root.clone(), root);
    for id in ids {
        let whole = || format!("repository {id} in the backup");
        tokio::task::block_in_place(|| replicas.check_large(id)).with_context(whole)?;
        if let Some(problem) = Repos::check_folder(&replicas.folder(id)).await? {
            bail!("repository {id} in the backup is damaged: {problem}");
        }
    }
    Ok(manifest)
}

/// Makes the data folder `data`, which must be missing or empty, from a backup. The keys come from `keys` where the backup
/// has none. The folder gets a name of its own towards the container engine.
///
/// # Errors
/// What is wrong with the backup, or when something cannot be written: then there is no data folder.
pub async fn restore(backup: &Path, data: &Path, keys: Option<&Path>) -> anyhow::Result<Manifest> {
    let manifest = Manifest::read(backup)?;
    if fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty: restore into a new folder", data.display());
    }
    if !manifest.keys && keys.is_none() {
        bail!(
            "the backup does not contain its keys: use --keys to name the folder that holds `secrets` and `seal`"
        );
    }
    let partial = beside(data, "partial")?;
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    private_folder(&partial)?;
    copy_all(backup, &partial, &manifest).await?;
    private_folder(&partial.join(KEYS))?;
    let from = keys.map_or_else(|| backup.join(KEYS), Path::to_owned);
    for key in KEPT_KEYS {
        let copy = partial.join(KEYS).join(key);
        copy_private(&from.join(key), &copy)?;
        if key == "secrets" && !copy.is_file() {
            bail!("{} does not contain the key `secrets`", from.display());
        }
    }
    sync(&partial)?;
    if data.exists() {
        fs::remove_dir(data)?;
    }
    fs::rename(&partial, data)?;
    Ok(manifest)
}

/// Copies everything but keys, and checks it on the way.
async fn copy_all(backup: &Path, to: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    manifest.compare(backup)?;
    let ids = database(backup, to).await?;
    let replicas = Replicas::new(backup.join(REPOSITORIES), to.join(REPOSITORIES));
    private_folder(&to.join(REPOSITORIES))?;
    for id in ids {
        if !copy_whole(&replicas, id).await? {
            bail!("repository {id} is missing from the backup");
        }
    }
    let storage = backup.join(STORAGE);
    if storage.is_dir() {
        copy_folder(&storage, &to.join(STORAGE))?;
    }
    copy_private(&backup.join(ADMIN_TOKEN), &to.join(ADMIN_TOKEN))
}

/// Copies the database and returns every repository that it names.
async fn database(backup: &Path, to: &Path) -> anyhow::Result<Vec<RepoUid>> {
    let database = to.join(DATABASE);
    copy_private(&backup.join(DATABASE), &database)?;
    if let Some(problem) = check_database(&database).await?.first() {
        bail!("the database in the backup is damaged: {problem}");
    }
    repository_ids(&database).await
}
