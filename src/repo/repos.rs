//! All repositories: making, opening and removing them, and where their blocking work runs.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::blob::BlobStream;
use super::commit::too_many_operations;
use super::durable::sync_folder;
use super::{CommitRequest, MAIN, Repo, RepoError, RepoLimits, Spool};
use crate::domain::{RepoId, Revision};

/// Every repository, below one folder: `<last two digits of the id>/<id>.git`.
#[derive(Clone)]
pub struct Repos {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    limits: RepoLimits,
    readers: Semaphore,
    writers: Semaphore,
    git: Arc<Semaphore>,
    locks: Mutex<HashMap<RepoId, Weak<tokio::sync::Mutex<()>>>>,
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
            git: Arc::new(Semaphore::new(limits.git_processes.max(1))),
            locks: Mutex::default(),
            root,
            limits,
        };
        let aside = inner.aside();
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

    /// Makes an empty repository whose branch is to be `main`. Does nothing when it is there.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn create(&self, id: impl Into<RepoId>) -> Result<(), RepoError> {
        let (inner, id) = (Arc::clone(&self.inner), id.into());
        self.write(id, move || inner.create(id)).await
    }

    /// Removes a repository: first its name, then its files. Does nothing when it is not there.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn delete(&self, id: impl Into<RepoId>) -> Result<(), RepoError> {
        let (inner, id) = (Arc::clone(&self.inner), id.into());
        self.write(id, move || inner.delete(id)).await
    }

    /// Every repository there is, in no order. Blocks.
    ///
    /// # Errors
    /// Only of the disk.
    pub fn ids(&self) -> Result<Vec<RepoId>, RepoError> {
        let mut ids = Vec::new();
        for folder in fs::read_dir(&self.inner.root)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for repository in fs::read_dir(folder.path())? {
                let name = repository?.file_name();
                let id: Option<RepoId> = name
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
    pub fn open(&self, id: impl Into<RepoId>) -> Result<Repo, RepoError> {
        Repo::open(&self.inner.folder(id.into()), &self.inner.limits)
    }

    /// Runs blocking work on an open repository, when a permit is free.
    ///
    /// # Errors
    /// `NoRepository`, and what the work says.
    pub async fn read<T: Send + 'static>(
        &self,
        id: impl Into<RepoId>,
        work: impl FnOnce(&Repo) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let (repos, id) = (self.clone(), id.into());
        self.work(move || work(&repos.open(id)?)).await
    }

    /// Makes a commit: see [`CommitRequest`]. Once it has begun, dropping the future does not stop it.
    ///
    /// # Errors
    /// `Refused`, `TooLarge`, `Conflict`, `RevisionNotFound` (no such branch) before anything is written.
    pub async fn commit(
        &self,
        id: impl Into<RepoId>,
        request: CommitRequest,
    ) -> Result<Revision, RepoError> {
        self.change(id, move |repo| repo.commit(&request)).await
    }

    /// Fills an empty repository with the branches, tags and history of another. Objects never change, so both share
    /// their files on disk.
    ///
    /// # Errors
    /// `NoRepository` when the other one is gone.
    pub async fn copy(&self, from: RepoId, to: RepoId) -> Result<Option<Revision>, RepoError> {
        let repos = self.clone();
        self.change(to, move |copy| {
            let source = repos.open(from)?;
            // What the references lead to is there before they are, so objects are read after them.
            let refs = source.all_refs()?;
            link_all(&source.folder.join("objects"), &copy.folder.join("objects"))?;
            for (name, target) in refs {
                copy.set_ref(&name, target)?;
            }
            copy.head()
        })
        .await
    }

    /// A place for the bytes of a commit, within the limits. Its methods block, for as long as a write to a file does.
    ///
    /// # Errors
    /// Only of the disk.
    pub fn spool(&self) -> Result<Spool, RepoError> {
        Ok(Spool::new(&self.inner.aside(), &self.inner.limits)?)
    }

    /// `length` bytes of a file from `start`, by the id of its object. Reading a range costs inflating all before it.
    ///
    /// # Errors
    /// `EntryNotFound`, and `Refused` when the range lies outside the file.
    pub async fn stream(
        &self,
        id: impl Into<RepoId>,
        oid: String,
        start: u64,
        length: u64,
    ) -> Result<BlobStream, RepoError> {
        BlobStream::open(self, id.into(), oid, start, length).await
    }

    /// Changes an open repository, one change at a time. Once it has begun, dropping the future does not stop it.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        id: impl Into<RepoId>,
        work: impl FnOnce(&Repo) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let (repos, id) = (self.clone(), id.into());
        self.write(id, move || work(&repos.open(id)?)).await
    }

    /// Waits until another git process may run.
    pub(super) async fn git_permit(&self) -> Result<OwnedSemaphorePermit, RepoError> {
        let git = Arc::clone(&self.inner.git);
        Ok(git.acquire_owned().await.map_err(io::Error::other)?)
    }

    /// Where a repository is.
    pub(super) fn folder(&self, id: RepoId) -> PathBuf {
        self.inner.folder(id)
    }

    /// Where things are that nobody is to see yet; emptied at start.
    pub(super) fn aside(&self) -> PathBuf {
        self.inner.aside()
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
        id: RepoId,
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

    async fn lock(&self, id: RepoId) -> Guard {
        let lock = {
            let mut locks = self
                .inner
                .locks
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
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

// === impl Inner ===

impl Inner {
    fn folder(&self, id: RepoId) -> PathBuf {
        let id = id.to_string();
        // The last digits are random; the first ones are a clock's, and would put all into one folder.
        self.root
            .join(&id[id.len() - 2..])
            .join(format!("{id}.git"))
    }

    /// What is being made or removed; emptied at start.
    fn aside(&self) -> PathBuf {
        self.root.join("aside")
    }

    fn create(&self, id: RepoId) -> Result<(), RepoError> {
        let folder = self.folder(id);
        if folder.join("HEAD").is_file() {
            return Ok(());
        }
        let made = self.aside().join(Uuid::now_v7().simple().to_string());
        make_bare(&made)?;
        self.put_in_place(&made, &folder)?;
        Ok(())
    }

    fn put_in_place(&self, made: &Path, folder: &Path) -> io::Result<()> {
        let parent = folder.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent)?;
        sync_folder(&self.root)?;
        fs::rename(made, folder)?;
        sync_folder(parent)
    }

    fn delete(&self, id: RepoId) -> Result<(), RepoError> {
        let folder = self.folder(id);
        let away = self.aside().join(Uuid::now_v7().simple().to_string());
        match fs::rename(&folder, &away) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed?,
        }
        sync_folder(folder.parent().unwrap_or(&self.root))?;
        fs::remove_dir_all(&away)?;
        Ok(())
    }
}

/// Gives every file below `from` another name below `to`; what is there already stays.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), target));
                continue;
            }
            match fs::hard_link(entry.path(), &target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                linked => linked?,
            }
        }
        sync_folder(&to)?;
    }
    Ok(())
}

/// The least git takes for a bare repository: no hooks, no samples.
fn make_bare(folder: &Path) -> io::Result<()> {
    for inside in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        fs::create_dir_all(folder.join(inside))?;
    }
    let files = [
        (
            "config",
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n".to_owned(),
        ),
        ("HEAD", format!("ref: refs/heads/{MAIN}\n")),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text)?;
        fs::File::open(&path)?.sync_all()?;
    }
    for inside in ["objects", "refs", ""] {
        sync_folder(&folder.join(inside))?;
    }
    Ok(())
}
