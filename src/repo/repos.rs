//! All repositories: making, opening and removing them, and where their blocking work runs.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::amount::amount_below;
use super::commit::too_many_operations;
use super::folders::{EMPTY, Folders, link_all, remove_aside};
use super::git::GitPermits;
use super::large::link;
use super::xet::Senders;
use super::{CommitRequest, Repo, RepoError, RepoLimits, Spool};
use crate::domain::{DiskAmount, RepoUid, Revision};
use crate::ledger::{DiskReservation, DiskUse};

/// Every repository, below one folder: `<last two digits of the id>/<id>.git`.
#[derive(Clone)]
pub struct Repos {
    inner: Arc<Inner>,
}

struct Inner {
    folders: Folders,
    limits: RepoLimits,
    readers: Semaphore,
    writers: Semaphore,
    git: GitPermits,
    /// Held while a large file gets or loses a name.
    blobs: Mutex<()>,
    locks: Mutex<HashMap<RepoUid, Weak<tokio::sync::Mutex<()>>>>,
    senders: Arc<Senders>,
}

/// An empty repository without a name. Dropped, it is gone.
#[derive(Debug)]
pub struct Prepared {
    folder: PathBuf,
    room: DiskReservation,
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // Once it has a name it is not here any more.
        remove_aside(std::mem::take(&mut self.folder));
    }
}

type Guard = tokio::sync::OwnedMutexGuard<()>;

// === impl Repos ===

impl Repos {
    /// Opens the folder of all repositories, making it where it is missing, and removes what a killed process left
    /// half made or half removed. One process may have it open.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn new(root: PathBuf, limits: RepoLimits) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        let inner = Inner {
            readers: Semaphore::new(limits.readers.max(1)),
            writers: Semaphore::new(limits.writers.max(1)),
            git: GitPermits::new(limits.git_processes),
            blobs: Mutex::default(),
            locks: Mutex::default(),
            senders: Arc::default(),
            folders: Folders { root },
            limits,
        };
        let aside = inner.folders.aside();
        match fs::remove_dir_all(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&aside)?,
        }
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What a repository may hold.
    pub fn limits(&self) -> &RepoLimits {
        &self.inner.limits
    }

    /// The refusal of a commit with more operations than the limits allow.
    pub fn too_many_operations(&self) -> RepoError {
        too_many_operations(self.inner.limits.operations)
    }

    /// Makes an empty repository whose branch is to be `main`, which has no name yet: all that takes disk is done before
    /// anything is written down of it elsewhere.
    ///
    /// # Errors
    /// The owner's quota, and of the disk.
    pub async fn prepare(&self, mut room: DiskReservation) -> Result<Prepared, RepoError> {
        room.grow(EMPTY)?;
        let inner = Arc::clone(&self.inner);
        self.work(move || {
            let folder = inner
                .folders
                .aside()
                .join(Uuid::now_v7().simple().to_string());
            let prepared = Prepared { folder, room };
            Folders::make(&prepared.folder)?;
            Ok(prepared)
        })
        .await
    }

    /// Gives a prepared repository its name. Does nothing when it is there.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn create(
        &self,
        id: impl Into<RepoUid>,
        mut prepared: Prepared,
    ) -> Result<(), RepoError> {
        let (inner, id) = (Arc::clone(&self.inner), id.into());
        self.write(id, move || {
            if inner.folders.place(id, &prepared.folder)? {
                prepared.room.keep(DiskUse::Repository(id), EMPTY);
            }
            Ok(())
        })
        .await
    }

    /// Makes an empty repository where a killed process had only written down that there is to be one.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn restore(&self, id: impl Into<RepoUid>) -> Result<(), RepoError> {
        let (inner, id) = (Arc::clone(&self.inner), id.into());
        self.write(id, move || inner.folders.create(id)).await
    }

    /// Removes a repository: first its name, then its files, and the large ones that nobody else has. Does nothing when it
    /// is not there.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn delete(&self, id: impl Into<RepoUid>) -> Result<(), RepoError> {
        let (repos, id) = (self.clone(), id.into());
        self.write(id, move || {
            let large = repos.inner.folders.delete(id)?;
            large.iter().try_for_each(|name| repos.sweep_blob(name))
        })
        .await
    }

    /// Every repository there is, in no order. Blocks.
    ///
    /// # Errors
    /// Only of the disk.
    pub fn ids(&self) -> Result<Vec<RepoUid>, RepoError> {
        let mut ids = Vec::new();
        for folder in fs::read_dir(&self.inner.folders.root)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for repository in fs::read_dir(folder.path())? {
                let name = repository?.file_name();
                let id: Option<RepoUid> = name
                    .to_str()
                    .and_then(|name| name.strip_suffix(".git")?.parse().ok());
                ids.extend(id);
            }
        }
        Ok(ids)
    }

    /// Opens a repository. Blocks, as all its methods do; [`read`](Self::read) is for callers that must not.
    ///
    /// # Errors
    /// `NoRepository`.
    pub fn open(&self, id: impl Into<RepoUid>) -> Result<Repo, RepoError> {
        Repo::open(&self.inner.folders.folder(id.into()), &self.inner.limits)
    }

    /// Runs blocking work on an open repository, when a permit is free.
    ///
    /// # Errors
    /// `NoRepository`, and what the work says.
    pub async fn read<T: Send + 'static>(
        &self,
        id: impl Into<RepoUid>,
        work: impl FnOnce(&Repo) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let (repos, id) = (self.clone(), id.into());
        self.work(move || work(&repos.open(id)?)).await
    }

    /// As [`read`](Self::read), for work that waits for others meanwhile and would keep the permit from whoever only reads.
    /// Whoever calls it sees to it that they are few.
    ///
    /// # Errors
    /// `NoRepository`, and what the work says.
    pub async fn read_slowly<T: Send + 'static>(
        &self,
        id: impl Into<RepoUid>,
        work: impl FnOnce(&Repo) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let (repos, id) = (self.clone(), id.into());
        blocking(move || work(&repos.open(id)?)).await
    }

    /// Makes a commit: see [`CommitRequest`]. Once it has begun, dropping the future does not stop it.
    ///
    /// # Errors
    /// `Refused`, `TooLarge`, `OverQuota`, `Conflict`, `RevisionNotFound` (no such branch) before anything is written.
    pub async fn commit(
        &self,
        id: impl Into<RepoUid>,
        mut request: CommitRequest,
    ) -> Result<Revision, RepoError> {
        let id = id.into();
        self.change(id, move |repo| repo.commit(id, &mut request))
            .await
    }

    /// Fills an empty repository with the branches, tags and history of another. Objects never change, so both share
    /// their files on disk; room is needed as if they did not.
    ///
    /// # Errors
    /// `NoRepository` when the other one is gone, and `OverQuota` before anything is copied.
    pub async fn copy(
        &self,
        from: RepoUid,
        to: RepoUid,
        mut room: DiskReservation,
    ) -> Result<Option<Revision>, RepoError> {
        let repos = self.clone();
        // Its files stay where they are meanwhile. Nobody waits for the two in the other order: the copy is new.
        let still = self.lock(from).await;
        self.change(to, move |copy| {
            let _still = still;
            let source = repos.open(from)?;
            // What the references lead to is there before they are, so objects are read after them.
            let refs = source.all_refs()?;
            let large = source.settled_large()?;
            let mut wanted = amount_below(&source.folder.join("objects"));
            for file in &large {
                wanted = wanted + DiskAmount::file(fs::metadata(file)?.len());
            }
            let references = refs.iter().map(|(name, _)| copy.reference_amount(name));
            wanted = wanted + references.sum();
            room.grow(wanted)?;
            link_all(&source.folder.join("objects"), &copy.folder.join("objects"))?;
            if !large.is_empty() {
                fs::create_dir_all(copy.large_folder())?;
            }
            for file in large {
                if let Some(name) = file.file_name() {
                    link(&file, &copy.large_folder().join(name))?;
                }
            }
            room.keep(DiskUse::Repository(to), wanted);
            for (name, target) in refs {
                copy.set_ref(&name, target)?;
            }
            copy.head()
        })
        .await
    }

    /// A place for the bytes of a commit, within the limits and as far as there is room. Its methods block, for as long as
    /// a write to a file does.
    ///
    /// # Errors
    /// Only of the disk.
    pub fn spool(&self, room: DiskReservation) -> Result<Spool, RepoError> {
        let aside = self.inner.folders.aside();
        Ok(Spool::new(&aside, &self.inner.limits, room)?)
    }

    /// Changes an open repository, one change at a time. Once it has begun, dropping the future does not stop it.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        id: impl Into<RepoUid>,
        work: impl FnOnce(&Repo) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let (repos, id) = (self.clone(), id.into());
        self.write(id, move || work(&repos.open(id)?)).await
    }

    /// How many git processes run at once.
    pub(super) fn git_permits(&self) -> &GitPermits {
        &self.inner.git
    }

    /// Where a repository is.
    pub(super) fn folder(&self, id: RepoUid) -> PathBuf {
        self.inner.folders.folder(id)
    }

    /// Where things are that nobody is to see yet; emptied at start.
    pub(super) fn aside(&self) -> PathBuf {
        self.inner.folders.aside()
    }

    /// Where large files are, by the beginning of their hash.
    pub(super) fn blobs(&self) -> PathBuf {
        self.inner.folders.root.join("blobs")
    }

    /// Where shelves are.
    pub(super) fn cached_checkouts(&self) -> PathBuf {
        self.inner.folders.root.join("shelves")
    }

    /// Where xorbs are, by day, account and store.
    pub(super) fn xorbs(&self) -> PathBuf {
        self.inner.folders.root.join("xorbs")
    }

    /// Who sends xorbs.
    pub(super) fn senders(&self) -> &Arc<Senders> {
        &self.inner.senders
    }

    /// Holds off whoever else gives large files names, or removes them.
    pub(super) fn blobs_lock(&self) -> MutexGuard<'_, ()> {
        self.inner.blobs.lock()
    }

    /// Runs blocking work under a reader's permit.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let inner = Arc::clone(&self.inner);
        let _permit = inner.readers.acquire().await.map_err(io::Error::other)?;
        blocking(work).await
    }

    /// Runs a change under the repository's lock and a writer's permit; both are held until it is done, whether or not
    /// anybody still waits for it.
    async fn write<T: Send + 'static>(
        &self,
        id: RepoUid,
        work: impl FnOnce() -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let lock = self.lock(id).await;
        let inner = Arc::clone(&self.inner);
        let task = async move {
            let _permit = inner.writers.acquire().await.map_err(io::Error::other)?;
            let done = blocking(work).await;
            drop(lock);
            done
        };
        tokio::spawn(task).await.map_err(io::Error::other)?
    }

    /// Holds off whoever else would change a repository.
    pub(super) async fn lock(&self, id: RepoUid) -> Guard {
        let lock = {
            let mut locks = self.inner.locks.lock();
            locks.retain(|_, lock| lock.strong_count() > 0);
            let held = locks.get(&id).and_then(Weak::upgrade);
            held.unwrap_or_else(|| {
                let lock = Arc::default();
                locks.insert(id, Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RepoError> + Send + 'static,
) -> Result<T, RepoError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
