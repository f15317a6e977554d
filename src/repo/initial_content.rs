//! Knowing a repository that holds only what it was made with.

use gix::ObjectId;

use super::{Attributes, Repo, RepoError};
use crate::domain::{Revision, is_first_file};

/// The name git knows it by; a longer one says nothing.
const ATTRIBUTES: &str = ".gitattributes";
const MAX_ATTRIBUTES: u64 = 256 << 10;

// === impl Repo ===

impl Repo {
    /// Which files a commit's own `.gitattributes` calls large.
    ///
    /// # Errors
    /// `RevisionNotFound`, and of the disk.
    pub fn attributes(&self, at: &Revision) -> Result<Attributes, RepoError> {
        match self.read(at, ATTRIBUTES, MAX_ATTRIBUTES) {
            Ok(text) => Ok(Attributes::parse(&String::from_utf8_lossy(&text))),
            Err(RepoError::EntryNotFound(_) | RepoError::TooLarge(_)) => Ok(Attributes::default()),
            Err(error) => Err(error),
        }
    }

    /// Whether a commit begins the history and holds nothing but what the server put into the new repository.
    pub(super) fn is_first_commit(&self, id: ObjectId) -> Result<bool, RepoError> {
        let Ok(commit) = self.git.find_commit(id) else {
            return Ok(false);
        };
        if commit.parent_ids().next().is_some() {
            return Ok(false);
        }
        let tree = self.git.find_tree(self.tree_of(id)?)?;
        let entries = tree.decode()?.entries;
        for entry in &entries {
            if !entry.mode.is_blob() || self.git.find_header(entry.oid)?.size() > MAX_ATTRIBUTES {
                return Ok(false);
            }
            let data = &self.git.find_object(entry.oid)?.data;
            let name = std::str::from_utf8(entry.filename);
            let (Ok(name), Ok(text)) = (name, std::str::from_utf8(data)) else {
                return Ok(false);
            };
            if !is_first_file(name, text) {
                return Ok(false);
            }
        }
        Ok(!entries.is_empty())
    }
}
