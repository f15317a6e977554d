//! How much a repository takes on disk.

use std::fs;
use std::path::Path;

use super::{RepoError, Repos};
use crate::domain::RepoId;

impl Repos {
    /// Bytes of all files of a repository, each as it would be alone: files that copies share are counted for each.
    ///
    /// # Errors
    /// Only of the disk; none for one that is not there.
    pub async fn disk_bytes(&self, id: impl Into<RepoId>) -> Result<u64, RepoError> {
        let folder = self.folder(id.into());
        self.work(move || Ok(bytes_below(&folder))).await
    }
}

/// Bytes of all files below a folder. What goes away meanwhile does not count; links are not followed.
pub fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let mut sum = 0u64;
    for entry in entries.flatten() {
        let Ok(facts) = entry.metadata() else {
            continue;
        };
        let bytes = match facts.is_dir() {
            true => bytes_below(&entry.path()),
            false => facts.len(),
        };
        sum = sum.saturating_add(bytes);
    }
    sum
}
