//! Looking at what a push brings before anybody can see it: the rules are those of commits through the API.

use std::collections::{HashMap, HashSet};

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;
use gix::objs::{Exists, Kind};

use super::commands::Update;
use crate::domain::size_text;
use crate::repo::large::{POINTER_BYTES, read_pointer};
use crate::repo::path::{MAX_BYTES, MAX_PARTS, name_problem};
use crate::repo::{LargeId, Repo, RepoError};

/// Commits that one push may bring.
const MAX_COMMITS: usize = 100_000;
/// Tag objects one behind the other.
const MAX_TAGS: usize = 8;

/// Refuses what a commit through the API could not have made. `old` is the repository, `new` sees the pushed objects
/// beside its own. Returns the large files that the push names.
///
/// # Errors
/// `Refused` and `TooLarge`, with the path.
pub(super) fn inspect(
    old: &Repo,
    new: &Repo,
    updates: &[Update],
) -> Result<HashSet<LargeId>, RepoError> {
    let mut look = Look {
        old,
        new,
        trees: HashMap::new(),
        large: HashSet::new(),
    };
    let mut seen = HashSet::new();
    let mut commits = Vec::new();
    for update in updates {
        if let Some(id) = update.new {
            commits.push(look.tip(update, id)?);
        }
    }
    while let Some(id) = commits.pop() {
        // What is stored was looked at when it came, with all that it leads to.
        if old.git.objects.exists(&id) || !seen.insert(id) {
            continue;
        }
        if seen.len() > MAX_COMMITS {
            return Err(RepoError::TooLarge(format!(
                "the push has more than {MAX_COMMITS} commits"
            )));
        }
        let commit = new.git.find_commit(id)?;
        commits.extend(commit.parent_ids().map(gix::Id::detach));
        look.commit(commit.tree_id()?.detach())?;
    }
    Ok(look.large)
}

/// What is below a folder.
#[derive(Debug, Clone, Copy, Default)]
struct Below {
    files: usize,
    bytes: u64,
    /// Of the longest path from here, in bytes.
    longest: usize,
    /// Names in the deepest path from here.
    deepest: usize,
}

struct Look<'a> {
    old: &'a Repo,
    new: &'a Repo,
    trees: HashMap<ObjectId, Below>,
    large: HashSet<LargeId>,
}

// === impl Look ===

impl Look<'_> {
    /// The commit to which a branch or tag is to lead.
    fn tip(&self, update: &Update, id: ObjectId) -> Result<ObjectId, RepoError> {
        let name = update.short_name();
        let refused = |text: &str| Err(RepoError::Refused(format!("`{name}` {text}")));
        let mut id = id;
        for _ in 0..MAX_TAGS {
            let Some(header) = self.new.git.try_find_header(id)? else {
                return refused("would point to an object that was not pushed");
            };
            match header.kind() {
                Kind::Commit => return Ok(id),
                Kind::Tag if !update.is_branch() => {
                    id = self.new.git.find_tag(id)?.target_id()?.detach();
                }
                _ => return refused("would point to something other than a commit"),
            }
        }
        refused("is a tag of a tag of a tag")
    }

    fn commit(&mut self, tree: ObjectId) -> Result<(), RepoError> {
        let below = self.tree(tree, &mut Vec::new())?;
        let limits = &self.new.limits;
        if below.files > limits.files {
            return Err(RepoError::TooLarge(format!(
                "a pushed commit has {} files; at most {} are allowed",
                below.files, limits.files
            )));
        }
        if below.bytes > limits.tree_bytes {
            return Err(RepoError::TooLarge(format!(
                "the files of a pushed commit have {} in total; at most {} are allowed",
                size_text(below.bytes),
                size_text(limits.tree_bytes)
            )));
        }
        Ok(())
    }

    /// A folder, each one once. `path` leads to it; its depth is bounded before anything deeper is opened.
    fn tree(&mut self, id: ObjectId, path: &mut Vec<String>) -> Result<Below, RepoError> {
        if let Some(below) = self.trees.get(&id).copied() {
            fits(path, below)?;
            return Ok(below);
        }
        if path.len() >= MAX_PARTS {
            return Err(too_deep(path));
        }
        let is_new = !self.old.git.objects.exists(&id);
        let tree = self.new.git.find_tree(id)?;
        let mut below = Below::default();
        for entry in tree.decode()?.entries {
            let name = entry.filename.to_str_lossy().into_owned();
            if is_new && entry.filename.to_str().is_err() {
                return Err(refused(path, &name, "is not UTF-8"));
            }
            if let Some(problem) = name_problem(&name).filter(|_| is_new) {
                return Err(refused(path, &name, problem));
            }
            let id = entry.oid.to_owned();
            let inside = match entry.mode.kind() {
                EntryKind::Tree => {
                    path.push(name.clone());
                    let inside = self.tree(id, path)?;
                    path.pop();
                    inside
                }
                EntryKind::Blob | EntryKind::BlobExecutable => self.file(id, path, &name)?,
                EntryKind::Link => {
                    let problem = "is a symbolic link; only plain files are allowed";
                    return Err(refused(path, &name, problem));
                }
                EntryKind::Commit => {
                    let problem = "is a submodule; only plain files are allowed";
                    return Err(refused(path, &name, problem));
                }
            };
            below.files = below.files.saturating_add(inside.files);
            below.bytes = below.bytes.saturating_add(inside.bytes);
            let slash = usize::from(inside.longest > 0);
            below.longest = below.longest.max(name.len() + slash + inside.longest);
            below.deepest = below.deepest.max(1 + inside.deepest);
        }
        fits(path, below)?;
        self.trees.insert(id, below);
        Ok(below)
    }

    fn file(&mut self, id: ObjectId, path: &[String], name: &str) -> Result<Below, RepoError> {
        let bytes = self.new.git.find_header(id)?.size();
        if bytes > self.new.limits.file_bytes {
            return Err(RepoError::TooLarge(format!(
                "`{}` is larger than the {} allowed for one file",
                shown(path, name),
                size_text(self.new.limits.file_bytes)
            )));
        }
        if bytes <= POINTER_BYTES && !self.old.git.objects.exists(&id) {
            self.pointer(id, path, name)?;
        }
        Ok(Below {
            files: 1,
            bytes,
            ..Below::default()
        })
    }
}

impl Look<'_> {
    /// Refuses a pointer to what the repository has not.
    fn pointer(&mut self, id: ObjectId, path: &[String], name: &str) -> Result<(), RepoError> {
        let Some(file) = read_pointer(&self.new.git.find_object(id)?.data) else {
            return Ok(());
        };
        if self.old.large(&file.id)? != Some(file.size) {
            return Err(RepoError::Refused(format!(
                "`{}` points to a large file that was not sent here; install git-lfs (`git lfs install`) and push again, \
                 or run `git lfs push --all`",
                shown(path, name)
            )));
        }
        self.large.insert(file.id);
        Ok(())
    }
}

/// Refuses paths that are too long or too deep only because of where a folder stands.
fn fits(path: &[String], below: Below) -> Result<(), RepoError> {
    let length: usize = path.iter().map(|name| name.len() + 1).sum();
    if path.len() + below.deepest > MAX_PARTS {
        return Err(too_deep(path));
    }
    if length + below.longest > MAX_BYTES {
        return Err(refused(path, "…", "is longer than 1024 bytes"));
    }
    Ok(())
}

fn too_deep(path: &[String]) -> RepoError {
    refused(path, "…", "is nested more than 64 folders deep")
}

fn refused(path: &[String], name: &str, problem: &str) -> RepoError {
    RepoError::Refused(format!("the path `{}` {problem}", shown(path, name)))
}

/// A path as it is named in a refusal: short, and nothing that moves a cursor.
fn shown(path: &[String], name: &str) -> String {
    let whole = format!("{}/{name}", path.join("/"));
    let whole = whole.trim_start_matches('/');
    let mut shown: String = whole
        .chars()
        .take(80)
        .flat_map(char::escape_debug)
        .collect();
    if whole.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}
