//! Files as people change them: as text.

use gix::objs::tree::EntryKind;

use super::{Repo, RepoError};
use crate::domain::Revision;

/// A file, as far as it is text that can be changed by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextFile {
    /// It is.
    Text(String),
    /// It is not; the rest of a sentence that begins with its name says why.
    Other(&'static str),
}

// === impl Repo ===

impl Repo {
    /// A file of at most `most` bytes as text; `None` where nothing is.
    ///
    /// # Errors
    /// `RevisionNotFound`.
    pub fn text(
        &self,
        at: &Revision,
        path: &str,
        most: u64,
    ) -> Result<Option<TextFile>, RepoError> {
        let root = self.tree_of(self.commit_id(at)?)?;
        let Some(found) = self.find(root, path)? else {
            return Ok(None);
        };
        let other = |why| Ok(Some(TextFile::Other(why)));
        match found.mode.kind() {
            EntryKind::Tree => return other("is a folder"),
            EntryKind::Commit => return other("is another repository"),
            EntryKind::Link => return other("is a symbolic link"),
            EntryKind::Blob | EntryKind::BlobExecutable => {}
        }
        if self.pointer(found.id)?.is_some() {
            return other("is stored as a large file");
        }
        if self.git.find_header(found.id)?.size() > most {
            return other("is too long");
        }
        let data = self.git.find_object(found.id)?.detach().data;
        match String::from_utf8(data) {
            Ok(text) if !text.contains('\0') => Ok(Some(TextFile::Text(text))),
            _ => other("is not UTF-8 text"),
        }
    }
}
