//! Backups of a data folder, made while a server uses it, and data folders made from them.
//!
//! A backup is a folder:
//!
//! ```text
//! manifest.json    what made it and when, what is in it, a hash of each file that is not named by its own
//! glasshouse.db    the database as it was at one moment
//! repos/           bare git repositories, and blobs/ with their large files
//! storage/         what Spaces keep under /data
//! keys/            secrets and seal, unless they were to be left out
//! admin-token      if it is still there
//! ```
//!
//! It has its name only once it is whole and was checked: until then it is `NAME.partial`. What can be made again
//! (artifacts, images), logs, and uploads that no commit names are not in it.
//!
//! The database is copied first and repositories after it. A commit that came between is one that the database does not
//! know; the server publishes it at its start, as after a crash. Where a repository is gone by then, the database is copied
//! once more.
//!
//! `keys/engine`, the name by which containers are known to belong to a data folder, is in no backup: a restored folder gets
//! a name of its own, so that a server on it touches no container of the one it was copied from. `keys/sign-in`, which signs
//! what Spaces check within a minute, is in none either.

mod files;
mod holes;
mod manifest;
mod restore;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::domain::RepoUid;
use crate::repo::{Replicas, Repos};
use crate::store::{Sealer, Store, check_database, copy_database};

pub use files::LeftOut;
pub use manifest::{LeftOutOf, Manifest};
pub use restore::{check, restore};

use files::{copy_folder, copy_private};

const DATABASE: &str = "glasshouse.db";
const REPOSITORIES: &str = "repos";
const STORAGE: &str = "storage";
const KEYS: &str = "keys";
/// The keys that a backup holds.
const KEPT_KEYS: [&str; 2] = ["secrets", "seal"];
const ADMIN_TOKEN: &str = "admin-token";

/// How often what moves under the copying hand is copied again.
const ROUNDS: usize = 4;

/// Makes a backup of the data folder `data` at `to`, which must not exist. A server may be using the folder. With `keys`
/// it holds the keys that open its secrets.
///
/// # Errors
/// When something cannot be read or written, or when what was copied is not whole: then there is nothing at `to`.
pub async fn back_up(data: &Path, to: &Path, keys: bool) -> anyhow::Result<Manifest> {
    if !data.join(DATABASE).is_file() {
        bail!(
            "{} is not a data folder: it has no database",
            data.display()
        );
    }
    if fs::symlink_metadata(to).is_ok() {
        bail!("{} already exists: name a new folder", to.display());
    }
    let partial = beside(to, "partial")?;
    if partial.exists() {
        // Left by one that broke off.
        fs::remove_dir_all(&partial)?;
    }
    private_folder(&partial)?;
    let mut manifest = Manifest::new(keys);
    manifest.repositories = copy_rows_and_repositories(data, &partial).await?;
    let left_out = copy_rest(data, &partial, keys)?;
    manifest.left_out = name_spaces(&partial.join(DATABASE), left_out).await?;
    manifest.seal(&partial)?;
    sync(&partial)?;
    fs::rename(&partial, to).with_context(|| {
        format!(
            "the backup is complete at {}, but could not be renamed to {}",
            partial.display(),
            to.display()
        )
    })?;
    if let Some(parent) = to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(manifest)
}

/// How many repositories there are in the copy.
async fn copy_rows_and_repositories(data: &Path, to: &Path) -> anyhow::Result<usize> {
    let replicas = Replicas::new(data.join(REPOSITORIES), to.join(REPOSITORIES));
    private_folder(&to.join(REPOSITORIES))?;
    let database = to.join(DATABASE);
    let mut missing = Vec::new();
    for _ in 0..ROUNDS {
        for name in [DATABASE, "glasshouse.db-wal", "glasshouse.db-shm"] {
            files::remove_if_there(&to.join(name))?;
        }
        copy_database(&data.join(DATABASE), &database)
            .await
            .context("the database could not be copied")?;
        let ids = repository_ids(&database).await?;
        missing.clear();
        for id in &ids {
            if !copy_whole(&replicas, *id).await? {
                missing.push(*id);
            }
        }
        if missing.is_empty() {
            let problems = check_database(&database).await?;
            if let Some(problem) = problems.first() {
                bail!("the database is damaged: {problem}");
            }
            remove_unnamed(&to.join(REPOSITORIES), &ids)?;
            return Ok(ids.len());
        }
    }
    bail!(
        "{} repositories are in the database but not on disk, the first is {}",
        missing.len(),
        missing[0]
    )
}

/// `false` when it is gone.
async fn copy_whole(replicas: &Replicas, id: RepoUid) -> anyhow::Result<bool> {
    let mut problem = String::new();
    for _ in 0..ROUNDS {
        let copied = tokio::task::block_in_place(|| replicas.copy(id));
        if !copied.with_context(|| format!("repository {id}"))? {
            return Ok(false);
        }
        match Repos::check_folder(&replicas.folder(id)).await? {
            None => return Ok(true),
            Some(found) => problem = found,
        }
    }
    bail!("repository {id} is damaged: {problem}")
}

/// A repository that was removed while the copy was made.
fn remove_unnamed(root: &Path, named: &[RepoUid]) -> anyhow::Result<()> {
    for folder in fs::read_dir(root)? {
        let folder = folder?;
        if folder.file_name() == "blobs" {
            continue;
        }
        for repository in fs::read_dir(folder.path())? {
            let repository = repository?;
            let name = repository.file_name();
            let id = name
                .to_str()
                .and_then(|name| name.strip_suffix(".git")?.parse().ok());
            if id.is_none_or(|id| !named.contains(&id)) {
                fs::remove_dir_all(repository.path())?;
            }
        }
    }
    Ok(())
}

/// Every repository that the rows of a database name, without those being removed, whose files may be gone. Brings its tables up to date, if this program is newer.
async fn repository_ids(database: &Path) -> anyhow::Result<Vec<RepoUid>> {
    let store = open_copy(database).await?;
    let ids = store.repositories_to_stay().await?;
    store.close().await;
    Ok(ids.into_iter().map(|(_, id)| id).collect())
}

async fn open_copy(database: &Path) -> anyhow::Result<Store> {
    // Nothing sealed is opened here.
    let sealer = Sealer::new(&[0; 32]);
    Ok(Store::connect(&format!("sqlite://{}", database.display()), sealer).await?)
}

/// Says of which Space's storage something was left out.
async fn name_spaces(
    database: &Path,
    left_out: BTreeMap<String, LeftOut>,
) -> anyhow::Result<Vec<LeftOutOf>> {
    if left_out.is_empty() {
        return Ok(Vec::new());
    }
    let store = open_copy(database).await?;
    let mut named = Vec::new();
    for (folder, left_out) in left_out {
        let space = match folder.parse() {
            Ok(id) => store.space_by_id(id).await?,
            Err(_) => None,
        };
        named.push(LeftOutOf {
            space: space.map(|space| space.name.to_string()),
            folder: format!("{STORAGE}/{folder}"),
            left_out,
        });
    }
    store.close().await;
    Ok(named)
}

/// What was left out of the storage of Spaces, by its folders.
fn copy_rest(data: &Path, to: &Path, keys: bool) -> anyhow::Result<BTreeMap<String, LeftOut>> {
    let storage = data.join(STORAGE);
    let mut left_out = BTreeMap::new();
    if storage.is_dir() {
        left_out = copy_folder(&storage, &to.join(STORAGE))?;
    }
    if keys {
        private_folder(&to.join(KEYS))?;
        for key in KEPT_KEYS {
            copy_private(&data.join(KEYS).join(key), &to.join(KEYS).join(key))?;
        }
    }
    copy_private(&data.join(ADMIN_TOKEN), &to.join(ADMIN_TOKEN))?;
    Ok(left_out)
}

/// `PATH.WORD`.
fn beside(path: &Path, word: &str) -> anyhow::Result<PathBuf> {
    let mut name = path
        .file_name()
        .with_context(|| format!("{} is not the name of a folder", path.display()))?
        .to_owned();
    name.push(".");
    name.push(word);
    Ok(path.with_file_name(name))
}

fn private_folder(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot create the folder {}", path.display()))
}

/// Waits until everything on the file system of `folder` is on disk.
fn sync(folder: &Path) -> anyhow::Result<()> {
    rustix::fs::syncfs(fs::File::open(folder)?)?;
    Ok(())
}
