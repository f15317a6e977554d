//! Writing the files of a commit into a folder.

use std::fs;
use std::path::Path;

use super::{CheckoutLimits, Repo, RepoError, Walked};
use crate::domain::{DiskAmount, Revision};

// === impl Repo ===

impl Repo {
    /// What a checkout will take on disk: of all files and folders, as large as they become.
    ///
    /// # Errors
    /// Those of [`walk`](Self::walk).
    pub fn checkout_amount(
        &self,
        at: &Revision,
        limits: CheckoutLimits,
    ) -> Result<DiskAmount, RepoError> {
        let mut amount = DiskAmount::default();
        self.walk(at, limits, |_, found| {
            amount = amount
                + match found {
                    Walked::Folder => DiskAmount::FOLDER,
                    Walked::File { size, .. } => DiskAmount::file(size),
                };
            Ok(())
        })?;
        Ok(amount)
    }

    /// Writes every file of a commit into `into`, a folder that is there, empty, and nobody else's. Files are not
    /// synced; the caller knows when that is due.
    ///
    /// # Errors
    /// Those of [`walk`](Self::walk). What was written until then stays.
    pub fn checkout(
        &self,
        at: &Revision,
        into: &Path,
        limits: CheckoutLimits,
    ) -> Result<(), RepoError> {
        self.walk(at, limits, |path, found| {
            let target = into.join(path.as_str());
            match found {
                Walked::Folder => fs::create_dir(&target)?,
                Walked::File { oid, .. } => self.copy_blob(&oid, &target)?,
            }
            Ok(())
        })
    }
}
