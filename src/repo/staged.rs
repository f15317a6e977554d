//! The files of a commit that is being made: what is there, changed by one operation after another.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::{Entry, EntryKind, EntryMode};

use super::objects::NewObjects;
use super::{Content, FilePath, Repo, RepoError};

/// Entries a tree may have before it is not read at all; only a tree that was not written here can come near.
const READABLE_ENTRIES: usize = 1_000_000;

/// A file in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StagedFile {
    /// As it was.
    Kept {
        /// Kept too: a symbolic link stays one.
        mode: EntryMode,
        /// Its object.
        id: ObjectId,
        /// Bytes; 0 for what is no file.
        size: u64,
    },
    /// Brought by this commit.
    New {
        /// Its bytes.
        content: Content,
        /// Whether it may be executed. `None` where nothing tells but what it is: a copy of one that may, or not.
        executable: Option<bool>,
    },
    /// Written by us for this commit: a pointer, or the list of what is one.
    Text {
        /// What it says.
        text: String,
        /// Whether it takes the place of a file that may be executed.
        executable: bool,
    },
}

impl StagedFile {
    fn size(&self) -> u64 {
        match self {
            Self::Kept { size, .. } => *size,
            Self::New { content, .. } => content.size(),
            Self::Text { text, .. } => text.len() as u64,
        }
    }

    fn is_executable(&self) -> bool {
        match self {
            Self::Kept { mode, .. } => mode.kind() == EntryKind::BlobExecutable,
            Self::New { executable, .. } => *executable == Some(true),
            Self::Text { executable, .. } => *executable,
        }
    }
}

/// Every file by its path, in byte order. No path is a folder of another.
#[derive(Debug, Default)]
pub(super) struct Staged {
    files: BTreeMap<BString, StagedFile>,
    /// The tree that they are, as long as none of them was changed.
    tree: Option<ObjectId>,
    /// Objects of files that could be executed before.
    executables: HashSet<ObjectId>,
}

// === impl Staged ===

impl Staged {
    /// The files of a tree.
    pub(super) fn read(repo: &Repo, tree: ObjectId) -> Result<Self, RepoError> {
        let mut files = BTreeMap::new();
        let mut executables = HashSet::new();
        let mut folders = vec![(BString::default(), tree)];
        let mut entries = 0;
        while let Some((folder, id)) = folders.pop() {
            let tree = repo.git.find_tree(id)?;
            for entry in tree.decode()?.entries {
                entries += 1;
                if entries > READABLE_ENTRIES {
                    return Err(RepoError::TooLarge(
                        "the repository has too many files to be changed".to_owned(),
                    ));
                }
                let mut path = folder.clone();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(entry.filename);
                let id = entry.oid.to_owned();
                let size = match entry.mode.kind() {
                    EntryKind::Tree => {
                        folders.push((path, id));
                        continue;
                    }
                    EntryKind::Commit => 0,
                    _ => repo.git.find_header(id)?.size(),
                };
                let mode = entry.mode;
                if mode.kind() == EntryKind::BlobExecutable {
                    executables.insert(id);
                }
                files.insert(path, StagedFile::Kept { mode, id, size });
            }
        }
        Ok(Self {
            files,
            tree: Some(tree),
            executables,
        })
    }

    /// Adds a file of this commit's, or puts it in the place of another, whose right to be executed it keeps. A new one has
    /// it if it is a script, for clients do not say.
    pub(super) fn put_new(
        &mut self,
        path: &FilePath,
        content: Content,
        is_script: bool,
    ) -> Result<(), RepoError> {
        let replaced = self.get(path.as_str()).map(StagedFile::is_executable);
        let file = StagedFile::New {
            content,
            executable: replaced.or(is_script.then_some(true)),
        };
        self.put(path, file)
    }

    /// Adds a file that we wrote, or puts it in the place of another, whose right to be executed it keeps.
    pub(super) fn put_text(&mut self, path: &FilePath, text: String) -> Result<(), RepoError> {
        let replaced = self.get(path.as_str());
        let executable = replaced.is_some_and(StagedFile::is_executable);
        self.put(path, StagedFile::Text { text, executable })
    }

    /// Adds or replaces a file.
    fn put(&mut self, path: &FilePath, file: StagedFile) -> Result<(), RepoError> {
        let name = path.as_str();
        for (at, _) in name.match_indices('/') {
            if self.files.contains_key(name.as_bytes()[..at].as_bstr()) {
                return Err(RepoError::Refused(format!(
                    "`{path}` cannot be added: `{}` is a file; delete it first",
                    &name[..at]
                )));
            }
        }
        if self.below(name).next().is_some() {
            return Err(RepoError::Refused(format!(
                "`{path}` cannot be added: it is a folder; delete it first"
            )));
        }
        self.files.insert(name.into(), file);
        self.tree = None;
        Ok(())
    }

    /// Removes a file.
    pub(super) fn delete_file(&mut self, path: &FilePath) -> Result<(), RepoError> {
        self.tree = None;
        match self.files.remove(path.as_str().as_bytes().as_bstr()) {
            Some(_) => Ok(()),
            None => Err(RepoError::Refused(format!(
                "`{path}` cannot be deleted: there is no such file"
            ))),
        }
    }

    /// Removes a folder with all that is in it.
    pub(super) fn delete_folder(&mut self, path: &FilePath) -> Result<(), RepoError> {
        let below: Vec<_> = self.below(path.as_str()).cloned().collect();
        if below.is_empty() {
            return Err(RepoError::Refused(format!(
                "`{path}` cannot be deleted: there is no such folder"
            )));
        }
        self.tree = None;
        for path in below {
            self.files.remove(&path);
        }
        Ok(())
    }

    fn below(&self, folder: &str) -> impl Iterator<Item = &BString> {
        let prefix = BString::from(format!("{folder}/"));
        let from = (Bound::Excluded(prefix.clone()), Bound::Unbounded);
        self.files
            .range(from)
            .map(|(path, _)| path)
            .take_while(move |path| path.starts_with(&prefix))
    }

    /// Number of files.
    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files
            .values()
            .map(StagedFile::size)
            .fold(0, u64::saturating_add)
    }

    /// What this commit brings.
    pub(super) fn new_contents(&self) -> impl Iterator<Item = (&BString, Content)> {
        self.files.iter().filter_map(|(path, file)| match file {
            StagedFile::New { content, .. } => Some((path, *content)),
            StagedFile::Kept { .. } | StagedFile::Text { .. } => None,
        })
    }

    /// What this commit brings that we wrote.
    pub(super) fn new_texts(&self) -> impl Iterator<Item = (&BString, &str)> {
        self.files.iter().filter_map(|(path, file)| match file {
            StagedFile::Text { text, .. } => Some((path, text.as_str())),
            StagedFile::Kept { .. } | StagedFile::New { .. } => None,
        })
    }

    /// The file at a path.
    pub(super) fn get(&self, path: &str) -> Option<&StagedFile> {
        self.files.get(path.as_bytes().as_bstr())
    }

    /// Writes the trees; every new file's object is in `ids`.
    pub(super) fn write(
        &self,
        ids: &BTreeMap<&BString, ObjectId>,
        objects: &mut NewObjects<'_>,
    ) -> Result<ObjectId, RepoError> {
        if let Some(tree) = self.tree {
            return Ok(tree);
        }
        let leaves: Vec<Leaf<'_>> = self
            .files
            .iter()
            .filter_map(|(path, file)| {
                let (mode, id) = match file {
                    StagedFile::Kept { mode, id, .. } => (*mode, *id),
                    StagedFile::New { .. } | StagedFile::Text { .. } => {
                        let id = *ids.get(path)?;
                        let untold = matches!(
                            file,
                            StagedFile::New {
                                executable: None,
                                ..
                            }
                        );
                        let copied = untold && self.executables.contains(&id);
                        let kind = match copied || file.is_executable() {
                            true => EntryKind::BlobExecutable,
                            false => EntryKind::Blob,
                        };
                        (kind.into(), id)
                    }
                };
                Some(Leaf { path, mode, id })
            })
            .collect();
        write_tree(&leaves, 0, objects)
    }
}

struct Leaf<'a> {
    path: &'a [u8],
    mode: EntryMode,
    id: ObjectId,
}

/// Writes the tree of `leaves`, which share their first `skip` bytes and are in byte order. Recursion is as deep as
/// the paths, which [`FilePath`] bounds.
fn write_tree(
    leaves: &[Leaf<'_>],
    skip: usize,
    objects: &mut NewObjects<'_>,
) -> Result<ObjectId, RepoError> {
    let mut entries = Vec::new();
    let mut rest = leaves;
    while let Some(first) = rest.first() {
        let name = first_name(&first.path[skip..]);
        let end = skip + name.len();
        if first.path.len() == end {
            entries.push(Entry {
                mode: first.mode,
                filename: name.into(),
                oid: first.id,
            });
            rest = &rest[1..];
            continue;
        }
        // Byte order keeps everything below one folder together: `NAME/` begins each of their paths.
        let prefix = &first.path[..=end];
        let count =
            rest.partition_point(|leaf| leaf.path.starts_with(prefix) || leaf.path < prefix);
        let (inside, after) = rest.split_at(count);
        entries.push(Entry {
            mode: EntryKind::Tree.into(),
            filename: name.into(),
            oid: write_tree(inside, end + 1, objects)?,
        });
        rest = after;
    }
    // Git orders a folder as if its name ended in `/`.
    entries.sort();
    objects.write(&gix::objs::Tree { entries })
}

fn first_name(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'/').next().unwrap_or(path)
}
