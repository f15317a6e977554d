//! Writing the files of a commit into a folder.

use std::fs;
use std::path::Path;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;

use super::path::name_problem;
use super::{FilePath, Repo, RepoError, size_text};
use crate::domain::Revision;

/// How much a checkout may write.
#[derive(Debug, Clone, Copy)]
pub struct CheckoutLimits {
    /// Files.
    pub files: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

// === impl Repo ===

impl Repo {
    /// Writes every file of a commit into `into`, a folder that is there, empty, and nobody else's. Files are not
    /// synced; the caller knows when that is due.
    ///
    /// # Errors
    /// `Refused` with the path when the commit holds anything but plain files and folders, or a name that would not
    /// stay inside (commits made here hold neither); `TooLarge` beyond the limits. What was written until then stays.
    pub fn checkout(
        &self,
        at: &Revision,
        into: &Path,
        limits: CheckoutLimits,
    ) -> Result<(), RepoError> {
        let root = self.tree_of(self.commit_id(at)?)?;
        let (mut files, mut bytes) = (0, 0_u64);
        let mut folders: Vec<(String, ObjectId)> = vec![(String::new(), root)];
        while let Some((folder, id)) = folders.pop() {
            let tree = self.git.find_tree(id)?;
            for entry in tree.decode()?.entries {
                let name = entry.filename.to_str_lossy();
                let path = if folder.is_empty() {
                    name.to_string()
                } else {
                    format!("{folder}/{name}")
                };
                if entry.filename.to_str().is_err() || name_problem(&name).is_some() {
                    return Err(RepoError::Refused(format!(
                        "`{}` is not a name a file may have here",
                        path.escape_debug()
                    )));
                }
                // Also bounds the whole path and its depth.
                let path: FilePath = path.parse()?;
                let target = into.join(path.as_str());
                let id = entry.oid.to_owned();
                files += 1;
                if files > limits.files {
                    return Err(RepoError::TooLarge(format!(
                        "the commit holds more than the {} files and folders allowed",
                        limits.files
                    )));
                }
                match entry.mode.kind() {
                    EntryKind::Tree => {
                        fs::create_dir(&target)?;
                        folders.push((path.as_str().to_owned(), id));
                    }
                    EntryKind::Blob | EntryKind::BlobExecutable => {
                        let size = match self.pointer(id)? {
                            Some(file) => file.size,
                            None => self.git.find_header(id)?.size(),
                        };
                        bytes = bytes.saturating_add(size);
                        if bytes > limits.bytes {
                            return Err(RepoError::TooLarge(format!(
                                "the commit's files sum up to more than the {} allowed",
                                size_text(limits.bytes)
                            )));
                        }
                        self.copy_blob(id, &target)?;
                    }
                    EntryKind::Link => {
                        return Err(RepoError::Refused(format!(
                            "`{path}` is a symbolic link; only plain files are allowed"
                        )));
                    }
                    EntryKind::Commit => {
                        return Err(RepoError::Refused(format!(
                            "`{path}` is a submodule; only plain files are allowed"
                        )));
                    }
                }
            }
        }
        Ok(())
    }
}
