//! What is in a repository at a commit.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Entries;

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::{EntryKind as GitKind, EntryMode};

use super::{LargeFile, Repo, RepoError};
use crate::domain::Revision;

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File {
        /// Bytes.
        size: u64,
        /// Id of its git object: forty hexadecimal digits. Of a large file it is the pointer's.
        oid: String,
        /// The large file, when it is one.
        large: Option<LargeFile>,
    },
    /// A folder.
    Directory {
        /// Id of its git object.
        oid: String,
    },
}

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the root, without a leading slash.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

/// A part of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of the listing.
    pub entries: Vec<Entry>,
    /// Where the next part begins, when there is more: pass it as `after`.
    pub next: Option<String>,
}

/// A file to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Bytes.
    pub size: u64,
    /// Id of its git object.
    pub oid: String,
    /// The large file, when it is one.
    pub large: Option<LargeFile>,
}

/// An entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) mode: EntryMode,
    pub(super) id: ObjectId,
}

// === impl FileFacts ===

impl FileFacts {
    /// What names these bytes and no others: the hash of a large file, or else the id of the git object.
    pub fn tag(&self) -> &str {
        self.large
            .as_ref()
            .map_or(&self.oid, |file| file.id.as_str())
    }
}

// === impl Repo ===

impl Repo {
    /// Lists a folder (`""` is the root): its entries, and with `recursive` everything below. At most `limit`, after
    /// the path `after` of an earlier page. Submodules are left out.
    ///
    /// # Errors
    /// `RevisionNotFound`, and `EntryNotFound` when the path is no folder.
    pub fn tree(
        &self,
        at: &Revision,
        path: &str,
        recursive: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, RepoError> {
        let root = self.tree_of(self.commit_id(at)?)?;
        let folder = match path {
            "" => root,
            path => match self.find(root, path)? {
                Some(found) if found.mode.is_tree() => found.id,
                _ => return Err(RepoError::EntryNotFound(path.to_owned())),
            },
        };
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let after = match after {
            Some(after) => match after.strip_prefix(&prefix) {
                Some(rest) => rest.split('/').collect(),
                None => {
                    return Err(RepoError::Refused(
                        "the page does not belong to this folder".to_owned(),
                    ));
                }
            },
            None => Vec::new(),
        };
        let mut page = Page::default();
        let mut walk = Walk {
            repo: self,
            recursive,
            limit,
            page: &mut page,
        };
        walk.folder(folder, &prefix, &after)?;
        Ok(page)
    }

    /// The id of the tree of all files: two commits with the same files have the same.
    ///
    /// # Errors
    /// `RevisionNotFound`.
    pub fn tree_id(&self, at: &Revision) -> Result<String, RepoError> {
        Ok(self.tree_of(self.commit_id(at)?)?.to_string())
    }

    /// The entries at `paths`; what is not there is left out.
    ///
    /// # Errors
    /// `RevisionNotFound`.
    pub fn entries(&self, at: &Revision, paths: &[&str]) -> Result<Vec<Entry>, RepoError> {
        let root = self.tree_of(self.commit_id(at)?)?;
        let mut entries = Vec::new();
        for path in paths {
            if let Some(found) = self.find(root, path)?
                && let Some(kind) = self.kind(found)?
            {
                entries.push(Entry {
                    path: (*path).to_owned(),
                    kind,
                });
            }
        }
        Ok(entries)
    }

    /// The ids of the files' git objects at `paths`, in their order; `None` where no file is. Each folder is read once,
    /// however many of its files are asked for.
    ///
    /// # Errors
    /// `RevisionNotFound`.
    pub fn file_ids(
        &self,
        at: &Revision,
        paths: &[&str],
    ) -> Result<Vec<Option<String>>, RepoError> {
        let root = self.tree_of(self.commit_id(at)?)?;
        let mut folders = Folders {
            repo: self,
            read: HashMap::new(),
        };
        let ids = paths.iter().map(|path| {
            let found = folders.find(root, path)?;
            let file = found.filter(|found| found.mode.is_blob_or_symlink());
            Ok(file.map(|found| found.id.to_string()))
        });
        ids.collect()
    }

    /// The entry at `path`.
    ///
    /// # Errors
    /// `RevisionNotFound` and `EntryNotFound`.
    pub fn entry(&self, at: &Revision, path: &str) -> Result<Entry, RepoError> {
        let found = self.entries(at, &[path])?.pop();
        found.ok_or_else(|| RepoError::EntryNotFound(path.to_owned()))
    }

    /// The file at `path`, for [`Repos::stream`](super::Repos::stream).
    ///
    /// # Errors
    /// `RevisionNotFound`, and `EntryNotFound` also for a folder.
    pub fn file(&self, at: &Revision, path: &str) -> Result<FileFacts, RepoError> {
        match self.entry(at, path)?.kind {
            EntryKind::File { size, oid, large } => Ok(FileFacts { size, oid, large }),
            EntryKind::Directory { .. } => Err(RepoError::EntryNotFound(path.to_owned())),
        }
    }

    /// What a path below a tree leads to.
    pub(super) fn find(&self, tree: ObjectId, path: &str) -> Result<Option<Found>, RepoError> {
        let mut folder = tree;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let tree = self.git.find_tree(folder)?;
            let found = tree
                .decode()?
                .entries
                .iter()
                .find(|entry| entry.filename == name)
                .map(|entry| Found {
                    mode: entry.mode,
                    id: entry.oid.to_owned(),
                });
            match found {
                Some(found) if names.peek().is_none() => return Ok(Some(found)),
                Some(found) if found.mode.is_tree() => folder = found.id,
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn folder(&self, id: ObjectId) -> Result<HashMap<BString, Found>, RepoError> {
        let tree = self.git.find_tree(id)?;
        let entries = tree.decode()?.entries.into_iter().map(|entry| {
            let found = Found {
                mode: entry.mode,
                id: entry.oid.to_owned(),
            };
            (entry.filename.to_owned(), found)
        });
        Ok(entries.collect())
    }

    fn kind(&self, found: Found) -> Result<Option<EntryKind>, RepoError> {
        let oid = found.id.to_string();
        Ok(match found.mode.kind() {
            GitKind::Tree => Some(EntryKind::Directory { oid }),
            GitKind::Commit => None,
            GitKind::Blob | GitKind::BlobExecutable | GitKind::Link => {
                let large = self.pointer(found.id)?;
                let size = match &large {
                    Some(file) => file.size,
                    None => self.git.find_header(found.id)?.size(),
                };
                Some(EntryKind::File { size, oid, large })
            }
        })
    }
}

/// Folders that were read once, for many look-ups.
struct Folders<'a> {
    repo: &'a Repo,
    read: HashMap<ObjectId, HashMap<BString, Found>>,
}

// === impl Folders ===

impl Folders<'_> {
    fn find(&mut self, root: ObjectId, path: &str) -> Result<Option<Found>, RepoError> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut folder = root;
        for name in folders.split('/').filter(|name| !name.is_empty()) {
            match self.entry(folder, name)? {
                Some(found) if found.mode.is_tree() => folder = found.id,
                _ => return Ok(None),
            }
        }
        self.entry(folder, name)
    }

    fn entry(&mut self, folder: ObjectId, name: &str) -> Result<Option<Found>, RepoError> {
        let entries = match self.read.entry(folder) {
            Entries::Occupied(known) => known.into_mut(),
            Entries::Vacant(unknown) => unknown.insert(self.repo.folder(folder)?),
        };
        Ok(entries.get(name.as_bytes().as_bstr()).copied())
    }
}

struct Walk<'a> {
    repo: &'a Repo,
    recursive: bool,
    limit: usize,
    page: &'a mut Page,
}

// === impl Walk ===

impl Walk<'_> {
    /// Lists a folder from after `after`, which is seen from this folder; empty lists all of it. Returns whether the
    /// page still has room.
    fn folder(&mut self, id: ObjectId, prefix: &str, after: &[&str]) -> Result<bool, RepoError> {
        let tree = self.repo.git.find_tree(id)?;
        let mut passed = after.is_empty();
        for entry in tree.decode()?.entries {
            let name = entry.filename.to_str_lossy();
            let found = Found {
                mode: entry.mode,
                id: entry.oid.to_owned(),
            };
            let descend = self.recursive && entry.mode.is_tree();
            if !passed {
                if after.first() != Some(&&*name) {
                    continue;
                }
                passed = true;
                if descend && !self.folder(found.id, &format!("{prefix}{name}/"), &after[1..])? {
                    return Ok(false);
                }
                continue;
            }
            let Some(kind) = self.repo.kind(found)? else {
                continue;
            };
            if self.page.entries.len() >= self.limit {
                self.page.next = self.page.entries.last().map(|entry| entry.path.clone());
                return Ok(false);
            }
            let path = format!("{prefix}{name}");
            let below = format!("{path}/");
            self.page.entries.push(Entry { path, kind });
            if descend && !self.folder(found.id, &below, &[])? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
