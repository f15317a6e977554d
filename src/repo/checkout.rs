//! Writing the files of a commit into a folder.

use std::fs;
use std::path::Path;

use super::{CheckoutLimits, Repo, RepoError, Walked};
use crate::domain::Revision;

// === impl Repo ===

impl Repo {
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
