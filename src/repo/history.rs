//! Names of commits, and the commits behind them.

use std::collections::HashSet;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::Kind;
use gix::revision::walk::Sorting;
use gix::traverse::commit::simple::CommitTimeOrder;

use super::commit::revision;
use super::{MAIN, Repo, RepoError};
use crate::domain::{Millis, Revision};

/// A named commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    /// Short name, such as `main`.
    pub name: String,
    /// The commit; a tag's object is followed to it.
    pub target: Revision,
}

/// Every branch and tag, each by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// `refs/heads/`.
    pub branches: Vec<Ref>,
    /// `refs/tags/`.
    pub tags: Vec<Ref>,
}

/// One commit, as it is told to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFacts {
    /// Its id.
    pub id: Revision,
    /// First line of the message.
    pub title: String,
    /// The rest of it; often empty.
    pub message: String,
    /// Name of the author.
    pub author: String,
    /// When it was committed.
    pub at: Millis,
}

/// Commits that are looked at for the one that last changed a file; older changes stay unnamed.
const SEARCHED_COMMITS: usize = 2000;

// === impl Repo ===

impl Repo {
    /// The commit behind a branch, a tag, a full `refs/…` name, `HEAD`, or at least four digits of its id.
    ///
    /// # Errors
    /// `RevisionNotFound`; in a repository without commits that is every name.
    pub fn resolve(&self, name: &str) -> Result<Revision, RepoError> {
        let missing = || RepoError::RevisionNotFound(name.chars().take(200).collect());
        let hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex && name.len() == 40 {
            return match ObjectId::from_hex(name.to_ascii_lowercase().as_bytes()) {
                Ok(id) if self.is_commit(id)? => revision(id),
                _ => Err(missing()),
            };
        }
        let full_names = match name {
            "HEAD" => vec![format!("refs/heads/{MAIN}")],
            full if full.starts_with("refs/") => vec![full.to_owned()],
            short => vec![format!("refs/heads/{short}"), format!("refs/tags/{short}")],
        };
        for full in full_names {
            if let Some(id) = self.named(&full)? {
                return revision(id);
            }
        }
        if hex && (4..40).contains(&name.len()) {
            return self
                .by_prefix(name)?
                .map_or_else(|| Err(missing()), revision);
        }
        Err(missing())
    }

    /// Where `main` is; `None` before the first commit.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn head(&self) -> Result<Option<Revision>, RepoError> {
        self.named(&format!("refs/heads/{MAIN}"))?
            .map(revision)
            .transpose()
    }

    /// The first parent of a commit; `None` of the first one.
    ///
    /// # Errors
    /// `RevisionNotFound`, and when the repository cannot be read.
    pub fn parent(&self, of: &Revision) -> Result<Option<Revision>, RepoError> {
        let commit = self.git.find_commit(self.commit_id(of)?)?;
        let parent = commit.parent_ids().next();
        parent.map(|id| revision(id.detach())).transpose()
    }

    /// Every branch and tag.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn refs(&self) -> Result<Refs, RepoError> {
        let mut refs = Refs::default();
        let platform = self.git.references()?;
        for reference in platform.local_branches()?.chain(platform.tags()?) {
            let mut reference = reference?;
            let name = reference.name().shorten().to_str_lossy().into_owned();
            let list = match reference.name().category() {
                Some(gix::refs::Category::Tag) => &mut refs.tags,
                _ => &mut refs.branches,
            };
            // A tag may name something other than a commit; nobody can check that out.
            if let Ok(commit) = reference.peel_to_commit() {
                let target = revision(commit.id)?;
                list.push(Ref { name, target });
            }
        }
        Ok(refs)
    }

    /// Commits from `from` backwards, newest first: `limit` of them after the first `skip`.
    ///
    /// # Errors
    /// `RevisionNotFound`.
    pub fn commits(
        &self,
        from: &Revision,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<CommitFacts>, RepoError> {
        let walk = self
            .git
            .rev_walk([self.commit_id(from)?])
            .sorting(Sorting::ByCommitTime(CommitTimeOrder::NewestFirst))
            .all()?;
        let mut commits = Vec::new();
        for info in walk.skip(skip).take(limit) {
            commits.push(self.facts(info?.id)?);
        }
        Ok(commits)
    }

    /// The commit that last changed what is at `path`.
    ///
    /// # Errors
    /// `EntryNotFound` when there is nothing at that path, or its last change is too far back to be searched for.
    pub fn last_commit(&self, at: &Revision, path: &str) -> Result<CommitFacts, RepoError> {
        let found = self.last_commits(at, &[path])?.pop().flatten();
        found.ok_or_else(|| RepoError::EntryNotFound(path.to_owned()))
    }

    /// The commit that last changed what is at each path, in one walk over the history. `None` for a path that is not
    /// there, and for a change too far back.
    ///
    /// # Errors
    /// `RevisionNotFound`.
    pub fn last_commits(
        &self,
        at: &Revision,
        paths: &[&str],
    ) -> Result<Vec<Option<CommitFacts>>, RepoError> {
        let mut found = vec![None; paths.len()];
        let mut commit = self.commit_id(at)?;
        let mut tree = Some(self.tree_of(commit)?);
        let mut pending: Vec<Wanted<'_>> = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            if self.find(self.tree_of(commit)?, path)?.is_some() {
                pending.push(Wanted { index, rest: path });
            }
        }
        for _ in 0..SEARCHED_COMMITS {
            if pending.is_empty() {
                break;
            }
            let parent = self
                .git
                .find_commit(commit)?
                .parent_ids()
                .next()
                .map(gix::Id::detach);
            let parent_tree = parent.map(|parent| self.tree_of(parent)).transpose()?;
            let mut changed = HashSet::new();
            self.changed(tree, parent_tree, &pending, &mut changed)?;
            if !changed.is_empty() {
                let facts = self.facts(commit)?;
                for index in &changed {
                    found[*index] = Some(facts.clone());
                }
                pending.retain(|wanted| !changed.contains(&wanted.index));
            }
            let Some(parent) = parent else { break };
            commit = parent;
            tree = parent_tree;
        }
        Ok(found)
    }

    /// Which of the paths differ between two trees. Folders that are equal are not opened.
    fn changed(
        &self,
        new: Option<ObjectId>,
        old: Option<ObjectId>,
        wanted: &[Wanted<'_>],
        changed: &mut HashSet<usize>,
    ) -> Result<(), RepoError> {
        if new == old {
            return Ok(());
        }
        let mut rest = wanted.to_vec();
        while let Some(first) = rest.first() {
            let name = first.name();
            let (same, others): (Vec<Wanted<'_>>, Vec<Wanted<'_>>) = rest
                .iter()
                .copied()
                .partition(|wanted| wanted.name() == name);
            let entry = |tree: Option<ObjectId>| match tree {
                Some(tree) => self.find(tree, name),
                None => Ok(None),
            };
            let (new, old) = (entry(new)?, entry(old)?);
            if new != old {
                let mut below = Vec::new();
                for wanted in same {
                    match wanted.below() {
                        Some(wanted) => below.push(wanted),
                        None => drop(changed.insert(wanted.index)),
                    }
                }
                if !below.is_empty() {
                    let folder = |entry: Option<super::tree::Found>| {
                        entry
                            .filter(|found| found.mode.is_tree())
                            .map(|found| found.id)
                    };
                    self.changed(folder(new), folder(old), &below, changed)?;
                }
            }
            rest = others;
        }
        Ok(())
    }

    pub(super) fn facts(&self, id: ObjectId) -> Result<CommitFacts, RepoError> {
        let commit = self.git.find_commit(id)?;
        let message = commit.message_raw_sloppy().to_str_lossy();
        let (title, rest) = message.split_once('\n').unwrap_or((&message, ""));
        Ok(CommitFacts {
            id: revision(id)?,
            title: title.trim().to_owned(),
            message: rest.trim().to_owned(),
            author: commit.author()?.name.to_str_lossy().into_owned(),
            at: commit.time()?.seconds.saturating_mul(1000),
        })
    }

    /// The commit a full reference name leads to.
    pub(super) fn named(&self, full: &str) -> Result<Option<ObjectId>, RepoError> {
        let Ok(name) = gix::refs::FullName::try_from(full) else {
            return Ok(None);
        };
        let Some(mut reference) = self.git.try_find_reference(name.as_ref())? else {
            return Ok(None);
        };
        Ok(reference.peel_to_commit().ok().map(|commit| commit.id))
    }

    /// The commit's object id, once it is known that there is such a commit.
    pub(super) fn commit_id(&self, at: &Revision) -> Result<ObjectId, RepoError> {
        match ObjectId::from_hex(at.as_str().as_bytes()) {
            Ok(id) if self.is_commit(id)? => Ok(id),
            _ => Err(RepoError::RevisionNotFound(at.as_str().to_owned())),
        }
    }

    pub(super) fn tree_of(&self, commit: ObjectId) -> Result<ObjectId, RepoError> {
        Ok(self.git.find_commit(commit)?.tree_id()?.detach())
    }

    fn is_commit(&self, id: ObjectId) -> Result<bool, RepoError> {
        let header = self.git.try_find_header(id)?;
        Ok(header.is_some_and(|header| header.kind() == Kind::Commit))
    }

    fn by_prefix(&self, digits: &str) -> Result<Option<ObjectId>, RepoError> {
        let Ok(prefix) = gix::hash::Prefix::from_hex(&digits.to_ascii_lowercase()) else {
            return Ok(None);
        };
        let mut candidates = HashSet::new();
        self.git
            .objects
            .lookup_prefix(prefix, Some(&mut candidates))?;
        let mut only = None;
        for id in candidates {
            if self.is_commit(id)? && only.replace(id).is_some() {
                return Ok(None);
            }
        }
        Ok(only)
    }
}

/// A path whose last change is looked for, seen from a folder on the way to it.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    index: usize,
    rest: &'a str,
}

// === impl Wanted ===

impl<'a> Wanted<'a> {
    fn name(&self) -> &'a str {
        self.rest
            .split_once('/')
            .map_or(self.rest, |(name, _)| name)
    }

    fn below(&self) -> Option<Self> {
        let (_, rest) = self.rest.split_once('/')?;
        Some(Self { rest, ..*self })
    }
}
