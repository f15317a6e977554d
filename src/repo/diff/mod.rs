//! What a commit changed: which files, and which of their lines.
//!
//! Whoever pushes decides what is compared here, so each step of it is bounded: the folders that are opened, the files
//! that are named, the bytes of a file that is compared, and the lines that come of all of them.

mod lines;

use std::cmp::Ordering;

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::{EntryKind, EntryMode};

use super::commit::revision;
use super::{Repo, RepoError};
use crate::domain::Revision;
use lines::{Room, hunks};

pub use lines::{Hunk, Line, LineKind};

/// What one commit changed, against its first parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitDiff {
    /// What it is compared with; `None` for a commit that begins the history.
    pub parent: Option<Revision>,
    /// In the order of git's trees.
    pub files: Vec<FileChange>,
    /// Whether more files changed than are named.
    pub more: bool,
}

/// A file that a commit added, removed or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// From the root, without a leading slash.
    pub path: String,
    /// What happened to it.
    pub change: Change,
    /// Whether it may be executed now and could not before, or the other way round.
    pub executable: Option<bool>,
    /// What is different in it.
    pub content: ContentChange,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It has other bytes, or another mode.
    Modified,
}

/// What is different in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentChange {
    /// Lines, with some around them.
    Lines(Vec<Hunk>),
    /// It is no text, before or after.
    Binary,
    /// It is kept as a large file, before or after.
    Large,
    /// It has more bytes than are compared.
    TooLong,
    /// The files before it are as much as is shown, or compared, of one commit.
    Beyond,
}

/// How much is said of one commit.
#[derive(Debug, Clone, Copy)]
pub struct DiffLimits {
    /// Files that are named.
    pub files: usize,
    /// Bytes of a file that is compared.
    pub file_bytes: u64,
    /// Bytes of all files that are compared.
    pub compared_bytes: u64,
    /// Lines of all files together.
    pub lines: usize,
    /// Bytes of all these lines together.
    pub bytes: usize,
}

/// Folders that are opened for one commit.
const MAX_FOLDERS: usize = 5000;

// === impl Repo ===

impl Repo {
    /// What a commit changed against its first parent.
    ///
    /// # Errors
    /// `RevisionNotFound`.
    pub fn diff(&self, at: &Revision, limits: DiffLimits) -> Result<CommitDiff, RepoError> {
        let commit = self.git.find_commit(self.commit_id(at)?)?;
        let parent = commit.parent_ids().next().map(gix::Id::detach);
        let before = parent.map(|parent| self.tree_of(parent)).transpose()?;
        let found = self.compare(before, Some(commit.tree_id()?.detach()), limits.files)?;
        let mut room = Room {
            lines: limits.lines,
            bytes: limits.bytes,
            compared: limits.compared_bytes,
        };
        let mut files = Vec::new();
        for pair in &found.pairs {
            files.push(self.file_change(pair, limits.file_bytes, &mut room)?);
        }
        Ok(CommitDiff {
            parent: parent.map(revision).transpose()?,
            files,
            more: found.more,
        })
    }

    /// The paths of the files that are not the same at two commits, `most` of them at most; whether there are more.
    ///
    /// # Errors
    /// `RevisionNotFound`.
    pub fn changed_paths(
        &self,
        before: &Revision,
        after: &Revision,
        most: usize,
    ) -> Result<(Vec<(String, Change)>, bool), RepoError> {
        let (before, after) = (self.commit_id(before)?, self.commit_id(after)?);
        let trees = (self.tree_of(before)?, self.tree_of(after)?);
        let found = self.compare(Some(trees.0), Some(trees.1), most)?;
        let paths = found.pairs.iter();
        let paths = paths.map(|pair| (pair.path.to_str_lossy().into_owned(), pair.change()));
        Ok((paths.collect(), found.more))
    }

    fn compare(
        &self,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
        most: usize,
    ) -> Result<Compared, RepoError> {
        let mut found = Compared {
            pairs: Vec::new(),
            most,
            folders: 0,
            more: false,
        };
        self.compare_folders(before, after, BString::default(), &mut found)?;
        Ok(found)
    }

    /// Walks two folders side by side. As deep as the paths, which are bounded where they come in.
    fn compare_folders(
        &self,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
        prefix: BString,
        found: &mut Compared,
    ) -> Result<(), RepoError> {
        if before == after || found.more {
            return Ok(());
        }
        found.folders += 1;
        if found.folders > MAX_FOLDERS {
            found.more = true;
            return Ok(());
        }
        let (before, after) = (self.sides(before)?, self.sides(after)?);
        let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.name.cmp(&new.name),
            };
            let old = order.is_le().then(|| before.next()).flatten();
            let new = order.is_ge().then(|| after.next()).flatten();
            let name = old.as_ref().or(new.as_ref()).map(|side| side.name.clone());
            let mut path = prefix.clone();
            path.extend_from_slice(&name.unwrap_or_default());
            self.compare_sides(old, new, path, found)?;
        }
    }

    fn compare_sides(
        &self,
        old: Option<Side>,
        new: Option<Side>,
        path: BString,
        found: &mut Compared,
    ) -> Result<(), RepoError> {
        let same = |one: &Side, other: &Side| one.id == other.id && one.mode == other.mode;
        if old
            .as_ref()
            .zip(new.as_ref())
            .is_some_and(|(old, new)| same(old, new))
        {
            return Ok(());
        }
        let folder = |side: &Option<Side>| {
            let side = side.as_ref().filter(|side| side.mode.is_tree());
            side.map(|side| side.id)
        };
        let file = |side: Option<Side>| side.filter(|side| side.mode.is_blob_or_symlink());
        let (old_folder, new_folder) = (folder(&old), folder(&new));
        let (old, new) = (file(old), file(new));
        if old.is_some() || new.is_some() {
            if found.pairs.len() >= found.most {
                found.more = true;
                return Ok(());
            }
            let path = path.clone();
            found.pairs.push(Pair { path, old, new });
        }
        let mut below = path;
        below.push(b'/');
        self.compare_folders(old_folder, new_folder, below, found)
    }

    /// The entries of a folder by name; of one that is not there, none.
    fn sides(&self, folder: Option<ObjectId>) -> Result<Vec<Side>, RepoError> {
        let Some(folder) = folder else {
            return Ok(Vec::new());
        };
        let tree = self.git.find_tree(folder)?;
        let entries = tree.decode()?.entries.into_iter().map(|entry| Side {
            name: entry.filename.to_owned(),
            mode: entry.mode,
            id: entry.oid.to_owned(),
        });
        let mut sides: Vec<_> = entries.collect();
        // Git orders a folder as if its name ended in `/`.
        sides.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(sides)
    }

    fn file_change(
        &self,
        pair: &Pair,
        most: u64,
        room: &mut Room,
    ) -> Result<FileChange, RepoError> {
        let may_run = |side: &Option<Side>| {
            let side = side.as_ref();
            side.map(|side| side.mode.kind() == EntryKind::BlobExecutable)
        };
        let executable = match (may_run(&pair.old), may_run(&pair.new)) {
            (Some(before), Some(after)) => (before != after).then_some(after),
            (None, Some(after)) => after.then_some(true),
            _ => None,
        };
        Ok(FileChange {
            path: pair.path.to_str_lossy().into_owned(),
            change: pair.change(),
            executable,
            content: self.content_change(pair, most, room)?,
        })
    }

    fn content_change(
        &self,
        pair: &Pair,
        most: u64,
        room: &mut Room,
    ) -> Result<ContentChange, RepoError> {
        if room.lines == 0 || room.bytes == 0 {
            return Ok(ContentChange::Beyond);
        }
        let mut texts = [String::new(), String::new()];
        for (side, text) in [&pair.old, &pair.new].into_iter().zip(&mut texts) {
            let Some(side) = side else { continue };
            if self.pointer(side.id)?.is_some() {
                return Ok(ContentChange::Large);
            }
            let size = self.git.find_header(side.id)?.size();
            if size > most {
                return Ok(ContentChange::TooLong);
            }
            if size > room.compared {
                return Ok(ContentChange::Beyond);
            }
            room.compared -= size;
            let data = self.git.find_object(side.id)?.detach().data;
            match String::from_utf8(data) {
                Ok(found) if !found.contains('\0') => *text = found,
                _ => return Ok(ContentChange::Binary),
            }
        }
        let [before, after] = &texts;
        Ok(ContentChange::Lines(hunks(before, after, room)))
    }
}

/// An entry of a folder.
struct Side {
    name: BString,
    mode: EntryMode,
    id: ObjectId,
}

/// A file that is not the same before and after.
struct Pair {
    path: BString,
    old: Option<Side>,
    new: Option<Side>,
}

struct Compared {
    pairs: Vec<Pair>,
    most: usize,
    folders: usize,
    more: bool,
}

// === impl Pair ===

impl Pair {
    fn change(&self) -> Change {
        match (&self.old, &self.new) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Modified,
        }
    }
}
