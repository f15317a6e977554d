//! Where large files lie, and who has them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gix::ObjectId;
use gix::objs::Kind;

use super::place::{entries, large_folder, link};
use super::{LargeFile, LargeId, POINTER_BYTES, read_pointer};
use crate::domain::size_text;
use crate::repo::durable::sync_folder;
use crate::repo::{Repo, RepoError, Repos};

/// Time after which a file that no commit names is forgotten.
const UNCOMMITTED: Duration = Duration::from_secs(24 * 3600);

// === impl Repo ===

impl Repo {
    /// The bytes of a large file that this repository has; `None` when it has not.
    ///
    /// # Errors
    /// Only of the disk.
    pub fn large(&self, id: &LargeId) -> Result<Option<u64>, RepoError> {
        match fs::metadata(self.large_path(id)) {
            Ok(facts) => Ok(Some(facts.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a large file that this repository has.
    pub(in crate::repo) fn open_large(&self, id: &LargeId) -> Result<File, RepoError> {
        match File::open(self.large_path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(RepoError::EntryNotFound(id.to_string()))
            }
            opened => Ok(opened?),
        }
    }

    /// The large file that a blob points to, if it is a pointer and the repository has the file.
    pub(in crate::repo) fn pointer(&self, blob: ObjectId) -> Result<Option<LargeFile>, RepoError> {
        let Some(header) = self.git.try_find_header(blob)? else {
            return Ok(None);
        };
        if header.kind() != Kind::Blob || header.size() > POINTER_BYTES {
            return Ok(None);
        }
        let Some(file) = read_pointer(&self.git.find_object(blob)?.data) else {
            return Ok(None);
        };
        Ok((self.large(&file.id)? == Some(file.size)).then_some(file))
    }

    /// The large file that a stored file stands for, by the id of its git object; `None` when it is just what it is.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn large_behind(&self, oid: &str) -> Result<Option<LargeFile>, RepoError> {
        let id = ObjectId::from_hex(oid.as_bytes())
            .map_err(|_| RepoError::EntryNotFound(oid.to_owned()))?;
        self.pointer(id)
    }

    /// Refuses bytes that would take the repository past its limits.
    ///
    /// # Errors
    /// `TooLarge`.
    pub fn room_for_large(&self, size: u64) -> Result<(), RepoError> {
        self.room_beside(size, self.part_bytes(|_| true)?)
    }

    /// The same for a file of which parts may be here already.
    ///
    /// # Errors
    /// `TooLarge`.
    pub fn room_for_whole(&self, file: &LargeFile) -> Result<(), RepoError> {
        self.room_beside(file.size, self.part_bytes(|id| id != file.id.as_str())?)
    }

    fn room_beside(&self, size: u64, part_bytes: u64) -> Result<(), RepoError> {
        if size > self.limits.large_file_bytes {
            return Err(RepoError::TooLarge(format!(
                "the file has {}; this server allows {} for one large file",
                size_text(size),
                size_text(self.limits.large_file_bytes)
            )));
        }
        let held = self.large_bytes()?.saturating_add(part_bytes);
        if held.saturating_add(size) > self.limits.large_bytes {
            return Err(RepoError::TooLarge(format!(
                "the large files of the repository would have more than the {} allowed in total",
                size_text(self.limits.large_bytes)
            )));
        }
        Ok(())
    }

    fn large_bytes(&self) -> io::Result<u64> {
        let mut sum = 0_u64;
        for name in entries(&self.large_folder())? {
            let facts = name.metadata()?;
            if facts.is_file() {
                sum = sum.saturating_add(facts.len());
            }
        }
        Ok(sum)
    }

    /// Gives the repository a file. Until a commit names it, it is only waiting to be.
    pub(super) fn adopt(&self, file: &Path, id: &LargeId) -> Result<(), RepoError> {
        let folder = self.large_folder();
        fs::create_dir_all(folder.join("waiting"))?;
        sync_folder(&self.folder)?;
        let path = self.large_path(id);
        let waiting = self.waiting_path(id);
        let is_new = !path.exists();
        if is_new || waiting.exists() {
            fs::write(&waiting, b"")?;
        }
        if is_new {
            link(file, &path)?;
        }
        sync_folder(&folder)?;
        Ok(())
    }

    /// Notes that commits name these files.
    pub(in crate::repo) fn settle_large<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a LargeId>,
    ) -> Result<(), RepoError> {
        for id in ids {
            match fs::remove_file(self.waiting_path(id)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The files that commits of this repository name.
    pub(in crate::repo) fn settled_large(&self) -> Result<Vec<PathBuf>, RepoError> {
        let mut files = Vec::new();
        for name in entries(&self.large_folder())? {
            if name.file_type()?.is_file()
                && !self
                    .large_folder()
                    .join("waiting")
                    .join(name.file_name())
                    .exists()
            {
                files.push(name.path());
            }
        }
        Ok(files)
    }

    /// Forgets files that have waited too long, and parts of files that never became whole.
    fn forget_waiting(&self, now: SystemTime) -> Result<(), RepoError> {
        self.forget_parts(|since| now.duration_since(since).unwrap_or_default() > UNCOMMITTED)?;
        for waiting in entries(&self.large_folder().join("waiting"))? {
            let since = waiting.metadata()?.modified()?;
            if now.duration_since(since).unwrap_or_default() > UNCOMMITTED {
                match fs::remove_file(self.large_folder().join(waiting.file_name())) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(error.into());
                    }
                    _ => fs::remove_file(waiting.path())?,
                }
            }
        }
        Ok(())
    }

    pub(in crate::repo) fn large_folder(&self) -> PathBuf {
        large_folder(&self.folder)
    }

    pub(in crate::repo) fn large_path(&self, id: &LargeId) -> PathBuf {
        self.large_folder().join(id.as_str())
    }

    fn waiting_path(&self, id: &LargeId) -> PathBuf {
        self.large_folder().join("waiting").join(id.as_str())
    }
}

// === impl Repos ===

impl Repos {
    /// Removes large files that nobody has any more: sent and never committed, or of repositories that are gone.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn sweep_large(&self) -> Result<(), RepoError> {
        let repos = self.clone();
        let ids = self.work(move || repos.ids()).await?;
        for id in ids {
            // Most repositories have nothing that waits.
            let large = self.folder(id).join("lfs");
            if !large.join("waiting").is_dir() && !large.join("parts").is_dir() {
                continue;
            }
            let forgotten = self
                .change(id, |repo| repo.forget_waiting(SystemTime::now()))
                .await;
            match forgotten {
                // It was removed meanwhile.
                Err(RepoError::NoRepository) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        let repos = self.clone();
        self.work(move || repos.sweep_blobs()).await
    }

    /// Removes what no repository has a name for.
    pub(in crate::repo) fn sweep_blobs(&self) -> Result<(), RepoError> {
        for letters in entries(&self.blobs())? {
            for blob in entries(&letters.path())? {
                self.sweep_blob(&blob.file_name())?;
            }
        }
        Ok(())
    }

    /// Removes a large file, by the name that it has everywhere, unless a repository has it.
    pub(in crate::repo) fn sweep_blob(&self, name: &OsStr) -> Result<(), RepoError> {
        // What else lies beside large files bears no hash.
        let Some(id) = name.to_str().and_then(|name| name.parse::<LargeId>().ok()) else {
            return Ok(());
        };
        let path = self.blob_path(&id);
        // Nobody gives it another name while it is looked at and removed.
        let _lock = self.blobs_lock();
        match fs::metadata(&path) {
            Ok(facts) if facts.nlink() == 1 => fs::remove_file(&path)?,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Keeps a file whose bytes are on disk, under its hash, and returns its name there. The caller holds the lock until
    /// somebody has it.
    pub(super) fn keep(&self, file: &Path, id: &LargeId) -> io::Result<PathBuf> {
        let blobs = self.blobs();
        let folder = blobs.join(letters(id));
        if !folder.is_dir() {
            fs::create_dir_all(&folder)?;
            sync_folder(&blobs)?;
        }
        let path = self.blob_path(id);
        link(file, &path)?;
        sync_folder(&folder)?;
        Ok(path)
    }

    fn blob_path(&self, id: &LargeId) -> PathBuf {
        self.blobs().join(letters(id)).join(id.as_str())
    }
}

/// The folder of large files whose hash begins like this one's.
fn letters(id: &LargeId) -> &str {
    &id.as_str()[..2]
}
