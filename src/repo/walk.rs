//! Every file of a commit, one after the other, within limits.

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;

use super::path::name_problem;
use super::{FilePath, Repo, RepoError};
use crate::domain::{Revision, size_text};

/// How much of a commit is laid out.
#[derive(Debug, Clone, Copy)]
pub struct CheckoutLimits {
    /// Files.
    pub files: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Walked {
    /// A folder; what is in it comes later.
    Folder,
    /// A file.
    File {
        /// Id of its git object, for [`Repo::blob`].
        oid: String,
        /// Bytes.
        size: u64,
        /// Whether it may be started as a program.
        executable: bool,
    },
}

// === impl Repo ===

impl Repo {
    /// Shows every folder and file of a commit to `visit`, a folder before what is in it.
    ///
    /// # Errors
    /// `Refused` with the path when the commit holds anything but plain files and folders, or a name that would not
    /// stay inside (commits made here hold neither); `TooLarge` beyond the limits; and what `visit` says.
    pub fn walk(
        &self,
        at: &Revision,
        limits: CheckoutLimits,
        mut visit: impl FnMut(&FilePath, Walked) -> Result<(), RepoError>,
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
                        "`{}` is not allowed as a file name",
                        path.escape_debug()
                    )));
                }
                // Also bounds the whole path and its depth.
                let path: FilePath = path.parse()?;
                let id = entry.oid.to_owned();
                files += 1;
                if files > limits.files {
                    return Err(RepoError::TooLarge(format!(
                        "the commit has more than the {} files and folders allowed",
                        limits.files
                    )));
                }
                match entry.mode.kind() {
                    EntryKind::Tree => {
                        visit(&path, Walked::Folder)?;
                        folders.push((path.as_str().to_owned(), id));
                    }
                    kind @ (EntryKind::Blob | EntryKind::BlobExecutable) => {
                        let size = match self.pointer(id)? {
                            Some(file) => file.size,
                            None => self.git.find_header(id)?.size(),
                        };
                        bytes = bytes.saturating_add(size);
                        if bytes > limits.bytes {
                            return Err(RepoError::TooLarge(format!(
                                "the commit's files have more than the {} allowed in total",
                                size_text(limits.bytes)
                            )));
                        }
                        let file = Walked::File {
                            oid: id.to_string(),
                            size,
                            executable: kind == EntryKind::BlobExecutable,
                        };
                        visit(&path, file)?;
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
