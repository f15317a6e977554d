//! How much things take on disk.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::Path;

use super::amount::{amount_below, sum_below};
use super::large::{entries, large_folder};
use super::{RepoError, Repos};
use crate::domain::{AccountId, DiskAmount, RepoUid, size_text};
use crate::ledger::{Ledger, Measuring};

impl Repos {
    /// What a repository takes, as it would alone, and since when that was looked at: files that copies share are counted
    /// for each. Nothing is being written there meanwhile, so that nothing is found which is only reserved.
    ///
    /// # Errors
    /// Only of the disk; none for one that is not there.
    pub async fn disk(
        &self,
        id: RepoUid,
        ledger: &Ledger,
    ) -> Result<(DiskAmount, Measuring), RepoError> {
        let _lock = self.lock(id).await;
        let (since, folder) = (ledger.measuring(), self.folder(id));
        let found = self.work(move || Ok(amount_below(&folder))).await?;
        Ok((found, since))
    }

    /// What an account has outside of any repository: xorbs that it sent, and what was laid out for its Spaces.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn disk_of_account(&self, account: AccountId) -> Result<DiskAmount, RepoError> {
        let (xorbs, cached_checkouts) = (self.xorbs(), self.cached_checkouts());
        let repos = self.clone();
        self.work(move || {
            let account = account.to_string();
            let periods = fs::read_dir(xorbs).into_iter().flatten().flatten();
            let sent = periods.map(|period| amount_below(&period.path().join(&account)));
            let laid_out = repos.laid_out_below(&cached_checkouts.join(&account));
            Ok(sent.sum::<DiskAmount>() + laid_out)
        })
        .await
    }

    /// What was laid out below a folder: of a file that its repository has, and that is counted there, not the bytes. What a
    /// repository has no more is counted for each account that has it laid out.
    fn laid_out_below(&self, folder: &Path) -> DiskAmount {
        let shelves = entries(folder).unwrap_or_default();
        let amounts = shelves.iter().map(|shelf| {
            let name = shelf.file_name();
            let id = name.to_str().and_then(|name| name.rsplit_once('-'));
            let id: Option<RepoUid> = id.and_then(|(id, _)| id.parse().ok());
            let large = id.map(|id| large_folder(&self.folder(id)));
            let counted: HashSet<_> = large
                .and_then(|large| entries(&large).ok())
                .unwrap_or_default()
                .iter()
                .map(DirEntryExt::ino)
                .collect();
            let below = sum_below(&shelf.path(), |facts| !counted.contains(&facts.ino()));
            DiskAmount::FOLDER + below
        });
        amounts.sum()
    }

    /// Bytes that may still be written to the server's disk, and all that it has; `None` where it does not say.
    pub fn disk_space(&self) -> Option<(u64, u64)> {
        let disk = rustix::fs::statvfs(self.aside()).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some((bytes(disk.f_bavail), bytes(disk.f_blocks)))
    }

    /// Says no, before anything is sent, to more than the server's disk has left.
    ///
    /// # Errors
    /// `TooLarge`, and of the disk.
    pub fn check_free(&self, bytes: u64) -> Result<(), RepoError> {
        let disk = rustix::fs::statvfs(self.aside()).map_err(std::io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if bytes <= free {
            return Ok(());
        }
        Err(RepoError::TooLarge(format!(
            "this has {}, and the server's disk has only {} left; ask the operator to make room",
            size_text(bytes),
            size_text(free)
        )))
    }

    /// Whether there is such a repository.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn is_there(&self, id: impl Into<RepoUid>) -> Result<bool, RepoError> {
        let folder = self.folder(id.into());
        self.work(move || Ok(folder.is_dir())).await
    }
}
