//! Making and removing branches and tags, and cutting a branch's history off.

use std::fs;
use std::io;
use std::path::Path;

use gix::ObjectId;
use gix::objs::Kind;

use super::commit::{REFERENCE, message, revision, signature};
use super::durable::{replace_file, sync_folder};
use super::objects::NewObjects;
use super::{MAIN, Repo, RepoError, Repos};
use crate::domain::{DiskAmount, RepoUid, Revision};
use crate::ledger::{DiskReservation, DiskUse};

/// Branches and tags that a repository may have.
const MAX_REFS: usize = 10_000;
/// Longest name of a branch or tag, in bytes.
const MAX_NAME: usize = 200;
/// Parts between slashes that a name may have: each is a folder.
const MAX_PARTS: usize = 16;

/// A tag somebody wants.
#[derive(Debug, Clone)]
pub struct NewTag {
    /// Its short name.
    pub name: String,
    /// What to tag: a branch, tag or commit.
    pub revision: String,
    /// What it says; empty makes a tag that is only a name.
    pub message: String,
    /// Name of the account.
    pub author: String,
}

// === impl Repos ===

impl Repos {
    /// Makes a branch at a revision, which is `main` if none is named. In a repository without commits a branch has
    /// nothing to begin at.
    ///
    /// # Errors
    /// `Taken`, `Refused` for a name that cannot be one, `RevisionNotFound`, and `OverQuota`.
    pub async fn create_branch(
        &self,
        id: RepoUid,
        name: String,
        from: Option<String>,
        mut room: DiskReservation,
    ) -> Result<(), RepoError> {
        self.change(id, move |repo| {
            let full = full_name("heads", &name)?;
            repo.is_free(&full, &name)?;
            if repo.room_for_refs()? == 0 {
                return Err(too_many_refs());
            }
            let at = repo.resolve(from.as_deref().unwrap_or(MAIN))?;
            repo.new_ref(&full, repo.commit_id(&at)?, id, &mut room)
        })
        .await
    }

    /// Removes a branch other than `main`. Its commits stay, as they do in git.
    ///
    /// # Errors
    /// `Refused` for `main`, `RevisionNotFound` when there is none of that name.
    pub async fn delete_branch(&self, id: RepoUid, name: String) -> Result<(), RepoError> {
        self.change(id, move |repo| {
            if name == MAIN {
                return Err(RepoError::Refused(format!("`{MAIN}` cannot be deleted")));
            }
            repo.remove_ref(&full_name("heads", &name)?, &name)
        })
        .await
    }

    /// Makes a tag.
    ///
    /// # Errors
    /// `Taken`, `Refused` for a name that cannot be one, `RevisionNotFound`, and `OverQuota`.
    pub async fn create_tag(
        &self,
        id: RepoUid,
        tag: NewTag,
        mut room: DiskReservation,
    ) -> Result<(), RepoError> {
        self.change(id, move |repo| {
            let full = full_name("tags", &tag.name)?;
            repo.is_free(&full, &tag.name)?;
            if repo.room_for_refs()? == 0 {
                return Err(too_many_refs());
            }
            let target = repo.commit_id(&repo.resolve(&tag.revision)?)?;
            if tag.message.trim().is_empty() {
                return repo.new_ref(&full, target, id, &mut room);
            }
            let mut objects = NewObjects::begin(repo)?;
            let object = objects.write(&gix::objs::Tag {
                target,
                target_kind: Kind::Commit,
                name: tag.name.clone().into(),
                tagger: Some(signature(&tag.author)),
                message: tag.message.replace('\0', "").into(),
                signature: None,
            })?;
            objects.publish(id, &mut room)?;
            repo.new_ref(&full, object, id, &mut room)
        })
        .await
    }

    /// Removes a tag.
    ///
    /// # Errors
    /// `RevisionNotFound` when there is none of that name.
    pub async fn delete_tag(&self, id: RepoUid, name: String) -> Result<(), RepoError> {
        self.change(id, move |repo| {
            repo.remove_ref(&full_name("tags", &name)?, &name)
        })
        .await
    }

    /// Replaces a branch's history by one commit of the same files. The old commits stay reachable by their ids.
    ///
    /// # Errors
    /// `RevisionNotFound` when there is no such branch, and `OverQuota`.
    pub async fn squash(
        &self,
        id: RepoUid,
        branch: String,
        title: String,
        author: String,
        mut room: DiskReservation,
    ) -> Result<Revision, RepoError> {
        self.change(id, move |repo| {
            let missing = || RepoError::RevisionNotFound(branch.clone());
            let head = repo.branch_head(&branch)?.ok_or_else(missing)?;
            let author = signature(&author);
            let mut objects = NewObjects::begin(repo)?;
            let commit = objects.write(&gix::objs::Commit {
                tree: repo.tree_of(head)?,
                parents: [].into_iter().collect(),
                committer: author.clone(),
                author,
                encoding: None,
                message: message(&title, "").into(),
                extra_headers: Vec::new(),
            })?;
            objects.publish(id, &mut room)?;
            repo.move_branch(&branch, Some(head), commit)?;
            revision(commit)
        })
        .await
    }
}

/// The refusal of one branch or tag too many.
pub(super) fn too_many_refs() -> RepoError {
    RepoError::Refused(format!(
        "a repository can have at most {MAX_REFS} branches and tags"
    ))
}

/// `refs/heads/NAME` or `refs/tags/NAME`, for a name that git takes and that nobody mistakes for a commit.
pub(super) fn full_name(category: &str, name: &str) -> Result<String, RepoError> {
    let full = format!("refs/{category}/{name}");
    let commit = name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A branch below `main/` would keep `main` from being made.
    let below_main = name.starts_with(&format!("{MAIN}/"));
    let reserved = name == "HEAD" || name.starts_with("refs/") || below_main;
    let valid = gix::refs::FullName::try_from(full.as_str()).is_ok();
    let short = name.len() <= MAX_NAME && name.split('/').count() <= MAX_PARTS;
    if valid && !commit && !reserved && short {
        return Ok(full);
    }
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    Err(RepoError::Refused(format!(
        "`{shown}` cannot be the name of a branch or tag: up to {MAX_NAME} bytes and {MAX_PARTS} parts between slashes, no spaces, `..`, `~`, `^`, `:`, `?`, \
         `*`, `[` or backslashes, not ending in `.lock`, and not the form of a commit's id"
    )))
}

// === impl Repo ===

impl Repo {
    /// Refuses a name that is taken, or that cannot stand beside one that is: `a` and `a/b` are a file and a folder.
    pub(super) fn is_free(&self, full: &str, shown: &str) -> Result<(), RepoError> {
        if self.named(full)?.is_some() {
            return Err(RepoError::Taken(format!("`{shown}` already exists")));
        }
        let path = self.folder.join(full);
        let mut above = path.parent();
        while let Some(folder) = above.filter(|folder| *folder != self.folder) {
            if folder.is_file() {
                return Err(RepoError::Taken(format!(
                    "`{shown}` cannot be created, because a shorter name that it begins with is in use"
                )));
            }
            above = folder.parent();
        }
        // An empty folder is what a removed name left.
        if path.is_dir() && fs::remove_dir(&path).is_err() {
            return Err(RepoError::Taken(format!(
                "`{shown}` cannot be created, because longer names that begin with it are in use"
            )));
        }
        Ok(())
    }

    /// How many more branches and tags there may be.
    pub(super) fn room_for_refs(&self) -> Result<usize, RepoError> {
        Ok(MAX_REFS.saturating_sub(self.all_refs()?.len()))
    }

    /// Makes a reference, whose name was checked and is free, if there is room for one more file.
    fn new_ref(
        &self,
        full: &str,
        to: ObjectId,
        id: RepoUid,
        room: &mut DiskReservation,
    ) -> Result<(), RepoError> {
        let wanted = self.reference_amount(full);
        room.grow(wanted)?;
        self.set_ref(full, to)?;
        room.keep(DiskUse::Repository(id), wanted);
        Ok(())
    }

    /// What a new reference takes on disk, with the folders that are not there yet.
    pub(super) fn reference_amount(&self, full: &str) -> DiskAmount {
        let path = self.folder.join(full);
        let above = path.ancestors().skip(1);
        let missing = above.take_while(|folder| !folder.is_dir()).count();
        REFERENCE + DiskAmount::FOLDER * missing as u64
    }

    /// Points a reference, whose name was checked, at an object.
    pub(super) fn set_ref(&self, full: &str, to: ObjectId) -> Result<(), RepoError> {
        let path = self.folder.join(full);
        if let Some(folder) = path.parent() {
            make_folders(&self.folder.join("refs"), folder)?;
        }
        replace_file(&path, format!("{to}\n").as_bytes())?;
        Ok(())
    }

    /// Removes a reference, whose name was checked.
    pub(super) fn remove_ref(&self, full: &str, shown: &str) -> Result<(), RepoError> {
        let path = self.folder.join(full);
        match fs::remove_file(&path) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::IsADirectory
                        | io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(RepoError::RevisionNotFound(shown.to_owned()));
            }
            removed => removed?,
        }
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        Ok(())
    }

    /// Where a reference is, without following a tag to its commit.
    pub(super) fn ref_target(&self, full: &str) -> Result<Option<ObjectId>, RepoError> {
        let Ok(name) = gix::refs::FullName::try_from(full) else {
            return Ok(None);
        };
        let reference = self.git.try_find_reference(name.as_ref())?;
        Ok(reference.and_then(|reference| reference.target().try_id().map(ToOwned::to_owned)))
    }

    /// Every branch and tag by its full name, with what it points at.
    pub(super) fn all_refs(&self) -> Result<Vec<(String, ObjectId)>, RepoError> {
        let mut all = Vec::new();
        let platform = self.git.references()?;
        for reference in platform.local_branches()?.chain(platform.tags()?) {
            let reference = reference?;
            if let Some(id) = reference.target().try_id() {
                all.push((reference.name().as_bstr().to_string(), id.to_owned()));
            }
        }
        all.sort();
        Ok(all)
    }
}

/// Makes the folders between `root`, which is there, and `folder`, and makes them last.
fn make_folders(root: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let mut made = Some(folder);
    while let Some(one) = made.filter(|one| one.starts_with(root)) {
        sync_folder(one)?;
        made = one.parent();
    }
    Ok(())
}
