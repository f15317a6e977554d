//! The files of every Space, model and dataset: bare git repositories on disk, and every change to them.
//!
//! # What holds
//! - **A commit is seen whole or not at all.** Its bytes are staged in an unnamed file ([`Spool`]), written as git
//!   objects under temporary names, made durable, renamed into place, and only then does the branch move, by
//!   compare-and-swap against the commit it was built on. Killed between any two steps, the repository is as it was.
//! - **An acknowledged commit survives power loss.** Objects reach the disk before their names do, names before the
//!   branch does, and the branch's own file is written aside, synced and renamed. What the disk itself promises about
//!   a sync is the limit of this.
//! - **Memory is bounded.** Files are hashed, deflated and inflated as streams; [`RepoLimits`] bounds the number of
//!   files, and blocking work runs under a fixed number of permits.
//! - **No byte without room for it.** Whatever writes takes a [`DiskReservation`](crate::ledger::DiskReservation) of the
//!   owner's and grows it first; what stays on disk is kept on the repository's page before it can be seen.
//! - **One writer per repository.** Every change holds the repository's lock of this process; readers hold none.
//! - **Paths are checked at the door** ([`FilePath`]), and again when files are checked out.

mod amount;
mod blob;
mod checkout;
mod checkout_cache;
mod commit;
mod diff;
mod durable;
mod error;
mod folders;
mod git;
mod history;
mod ignore;
mod initial_content;
mod large;
mod objects;
mod path;
mod refs;
mod replica;
mod repos;
mod size;
mod spool;
mod staged;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod walk;
mod xet;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use amount::amount_below;
pub use blob::{BlobReader, BlobStream};
pub use commit::{CommitRequest, Operation};
pub use diff::{Change, CommitDiff, ContentChange, DiffLimits, FileChange, Hunk, Line, LineKind};
pub use error::RepoError;
pub use git::{Fetch, FetchRequest, Landed, Push, Received};
pub use history::{CommitFacts, Ref, Refs};
pub use ignore::Ignore;
pub use large::{Attributes, LargeFile, LargeId, Parts};
pub use path::FilePath;
pub use refs::NewTag;
pub use replica::{Replicas, there};
pub use repos::{Prepared, Repos};
pub use spool::{Content, Spool};
pub use text::TextFile;
pub use tree::{Entry, EntryKind, FileFacts, Page};
pub use walk::{CheckoutLimits, Walked};
pub use xet::{Hash as XetHash, XetStore};

/// The branch that is published.
pub const MAIN: &str = "main";

/// What a repository may hold.
#[derive(Debug, Clone)]
pub struct RepoLimits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files a commit brings.
    pub commit_bytes: u64,
    /// Operations in one commit.
    pub operations: usize,
    /// Files at any one commit.
    pub files: usize,
    /// Bytes of all files at any one commit.
    pub tree_bytes: u64,
    /// Bytes on disk of a repository with its whole history.
    pub repo_bytes: u64,
    /// Bytes from which clients are told to send a file apart from the commit, as a large one.
    pub large_from: u64,
    /// Bytes of one large file.
    pub large_file_bytes: u64,
    /// Bytes of all large files of a repository.
    pub large_bytes: u64,
    /// Blocking reads under way at once, over all repositories.
    pub readers: usize,
    /// Commits being written at once, over all repositories.
    pub writers: usize,
    /// Git processes at once, over all repositories.
    pub git_processes: usize,
    /// How long a client that fetches may keep git waiting while others wait for it.
    pub git_patience: Duration,
    /// Bytes of an answer to a fetch that are kept on disk for a client that takes it slowly, so that git has done its work.
    pub git_spool: u64,
}

impl Default for RepoLimits {
    fn default() -> Self {
        Self {
            file_bytes: 512 << 20,
            commit_bytes: 1 << 30,
            operations: 20_000,
            files: 50_000,
            tree_bytes: 2 << 30,
            repo_bytes: 5 << 30,
            large_from: 10 << 20,
            large_file_bytes: 50 << 30,
            large_bytes: 200 << 30,
            readers: 16,
            writers: 4,
            git_processes: 8,
            git_patience: Duration::from_secs(10),
            git_spool: 64 << 20,
        }
    }
}

/// One open repository. Its methods block; [`Repos::read`] runs them where that is allowed.
pub struct Repo {
    git: gix::Repository,
    folder: PathBuf,
    limits: RepoLimits,
}

// === impl Repo ===

impl Repo {
    fn open(folder: &Path, limits: &RepoLimits) -> Result<Self, RepoError> {
        if !folder.join("HEAD").is_file() {
            return Err(RepoError::NoRepository);
        }
        // Nothing outside the folder has a say: no system or user configuration, no environment. The folder is the
        // server's own, whoever the operating system says owns it.
        let options = gix::open::Options::isolated()
            .open_path_as_is(true)
            .with(gix::sec::Trust::Full);
        let mut git = options.open(folder)?.to_thread_local();
        git.object_cache_size_if_unset(4 << 20);
        Ok(Self {
            git,
            folder: folder.to_owned(),
            limits: limits.clone(),
        })
    }

    /// Bytes the repository takes on disk, history included, large files not.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn disk_bytes(&self) -> Result<u64, RepoError> {
        let mut sum = 0;
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                let facts = entry.metadata()?;
                if facts.is_dir() {
                    if entry.path() != self.large_folder() {
                        folders.push(entry.path());
                    }
                } else {
                    sum += facts.len();
                }
            }
        }
        Ok(sum)
    }
}
