//! Making a commit: stage, check, write, move the branch.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::{SystemTime, UNIX_EPOCH};

use gix::ObjectId;
use gix::objs::Kind;

use super::large::{pointer_text, with_lines};
use super::objects::{NewObjects, hash};
use super::staged::{Staged, StagedFile};
use super::{Content, FilePath, LargeFile, LargeId, MAIN, Repo, RepoError, Spool};
use crate::domain::{DiskAmount, RepoUid, Revision, size_text};
use crate::ledger::DiskUse;

/// Where git is told what files are.
const ATTRIBUTES: &str = ".gitattributes";
/// The file of a reference.
pub(super) const REFERENCE: DiskAmount = DiskAmount::file(41);
/// One that is longer is left as it is.
const MAX_ATTRIBUTES: u64 = 256 << 10;

/// One change. They are applied in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Adds or replaces a file.
    Put {
        /// Where.
        path: FilePath,
        /// Its bytes, in the request's spool.
        content: Content,
    },
    /// Adds or replaces a large file, which the repository has already.
    PutLarge {
        /// Where.
        path: FilePath,
        /// Which.
        id: LargeId,
        /// Bytes, as the client believes; `None` when it does not know.
        size: Option<u64>,
    },
    /// Removes a file that is there.
    DeleteFile {
        /// Which.
        path: FilePath,
    },
    /// Removes a folder that is there, with all that is in it.
    DeleteFolder {
        /// Which.
        path: FilePath,
    },
    /// Makes the files what they were at a commit of this repository, and no others.
    Restore {
        /// Which commit.
        from: Revision,
    },
}

/// A commit somebody wants.
#[derive(Debug)]
pub struct CommitRequest {
    /// The branch; it must exist, or be `main`.
    pub branch: String,
    /// The commit the client believes the branch is at; `None` takes whatever is there.
    pub parent: Option<Revision>,
    /// First line of the message; empty gets a default.
    pub title: String,
    /// The rest of the message.
    pub description: String,
    /// Name of the account.
    pub author: String,
    /// What changes.
    pub operations: Vec<Operation>,
    /// Holds the bytes of every [`Operation::Put`], and the room that they have.
    pub spool: Spool,
}

// === impl Repo ===

impl Repo {
    /// Makes the commit. The caller holds the repository's lock.
    ///
    /// Everything the client can get wrong is found before the first object is written.
    pub(super) fn commit(
        &self,
        id: RepoUid,
        request: &mut CommitRequest,
    ) -> Result<Revision, RepoError> {
        let count = request.operations.len();
        if count > self.limits.operations {
            return Err(too_many_operations(self.limits.operations));
        }
        let head = self.branch_head(&request.branch)?;
        if let Some(expected) = &request.parent {
            let actual = head.map(revision).transpose()?;
            if actual.as_ref() != Some(expected) {
                return Err(RepoError::Conflict {
                    expected: Some(expected.clone()),
                    actual,
                });
            }
        }
        let old_tree = head.map(|id| self.tree_of(id)).transpose()?;
        let staged = self.stage(old_tree, request)?;

        let mut objects = NewObjects::begin(self)?;
        let mut ids = BTreeMap::new();
        let mut new_bytes = 0;
        for (path, content) in staged.new_contents() {
            let id = hash(Kind::Blob, content.size(), &mut request.spool.read(content))?;
            if !objects.has(id) {
                new_bytes += content.size();
            }
            ids.insert(path, id);
        }
        if new_bytes > 0 && self.disk_bytes()?.saturating_add(new_bytes) > self.limits.repo_bytes {
            return Err(RepoError::TooLarge(format!(
                "the repository with its history would be larger than the {} allowed; to drop the history, delete the \
                 repository and push it again",
                size_text(self.limits.repo_bytes)
            )));
        }
        for (path, content) in staged.new_contents() {
            let mut bytes = request.spool.read(content);
            objects.write_stream(Kind::Blob, ids[path], content.size(), &mut bytes)?;
            drop(bytes);
            request.spool.release(content);
        }
        for (path, text) in staged.new_texts() {
            ids.insert(path, objects.write_blob(text.as_bytes())?);
        }
        let tree = staged.write(&ids, &mut objects)?;
        if let (Some(head), Some(old_tree)) = (head, old_tree)
            && tree == old_tree
        {
            return revision(head);
        }
        let commit = objects.write(&commit_object(request, tree, head))?;
        objects.publish(id, request.spool.room())?;
        if head.is_none() {
            let room = request.spool.room();
            room.grow(REFERENCE)?;
            room.keep(DiskUse::Repository(id), REFERENCE);
        }
        self.move_branch(&request.branch, head, commit)?;
        let large = request
            .operations
            .iter()
            .filter_map(|operation| match operation {
                Operation::PutLarge { id, .. } => Some(id),
                _ => None,
            });
        self.settle_large(large)?;
        revision(commit)
    }

    /// The files after all operations, within the limits.
    fn stage(
        &self,
        old_tree: Option<ObjectId>,
        request: &CommitRequest,
    ) -> Result<Staged, RepoError> {
        let mut staged = match old_tree {
            Some(tree) => Staged::read(self, tree)?,
            None => Staged::default(),
        };
        let (count, bytes) = (staged.count(), staged.bytes());
        for operation in &request.operations {
            match operation {
                Operation::Put { path, content } if content.size() > self.limits.file_bytes => {
                    return Err(RepoError::TooLarge(format!(
                        "`{path}` is larger than the {} allowed for one file",
                        size_text(self.limits.file_bytes)
                    )));
                }
                Operation::Put { path, content } => {
                    let is_script = request.spool.begins_with(*content, b"#!")?;
                    staged.put_new(path, *content, is_script)?;
                }
                Operation::PutLarge { path, id, size } => {
                    let file = self.stored_large(path, id, *size)?;
                    staged.put_text(path, pointer_text(&file))?;
                }
                Operation::DeleteFile { path } => staged.delete_file(path)?,
                Operation::DeleteFolder { path } => staged.delete_folder(path)?,
                Operation::Restore { from } => {
                    staged = Staged::read(self, self.tree_of(self.commit_id(from)?)?)?;
                }
            }
        }
        self.note_large(&mut staged, request)?;
        // What is over a limit that was lowered may still shrink.
        if staged.count() > self.limits.files && staged.count() > count {
            return Err(RepoError::TooLarge(format!(
                "the repository would have {} files; at most {} are allowed",
                staged.count(),
                self.limits.files
            )));
        }
        if staged.bytes() > self.limits.tree_bytes && staged.bytes() > bytes {
            return Err(RepoError::TooLarge(format!(
                "the files would have {} in total; at most {} are allowed",
                size_text(staged.bytes()),
                size_text(self.limits.tree_bytes)
            )));
        }
        if old_tree.is_none() && staged.count() == 0 {
            return Err(RepoError::Refused(
                "the commit does not add a file, and the repository is empty".to_owned(),
            ));
        }
        Ok(staged)
    }

    /// The large file an operation names, once it is known to be there.
    fn stored_large(
        &self,
        path: &FilePath,
        id: &LargeId,
        size: Option<u64>,
    ) -> Result<LargeFile, RepoError> {
        let stored = self.large(id)?.ok_or_else(|| {
            RepoError::Refused(format!(
                "`{path}` refers to the large file {id}, which was not sent to this repository; send it first"
            ))
        })?;
        if size.is_some_and(|size| size != stored) {
            return Err(RepoError::Refused(format!(
                "`{path}` refers to the large file {id} with a wrong size: it has {stored} bytes"
            )));
        }
        Ok(LargeFile {
            id: id.clone(),
            size: stored,
        })
    }

    /// Has `.gitattributes` say of each new large file that it is one, so that git-lfs knows it in a clone.
    fn note_large(&self, staged: &mut Staged, request: &CommitRequest) -> Result<(), RepoError> {
        let paths: Vec<_> = request
            .operations
            .iter()
            .filter_map(|operation| match operation {
                Operation::PutLarge { path, .. } => Some(path.as_str()),
                _ => None,
            })
            .filter(|path| matches!(staged.get(path), Some(StagedFile::Text { .. })))
            .collect();
        if paths.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        match staged.get(ATTRIBUTES) {
            Some(StagedFile::New { content, .. }) if content.size() <= MAX_ATTRIBUTES => {
                request.spool.read(*content).read_to_end(&mut text)?;
            }
            Some(StagedFile::Kept { id, size, .. }) if *size <= MAX_ATTRIBUTES => {
                text.clone_from(&self.git.find_object(*id)?.data);
            }
            None => {}
            // Not one to be added to.
            Some(_) => return Ok(()),
        }
        let Ok(text) = String::from_utf8(text) else {
            return Ok(());
        };
        if let Some(text) = with_lines(&text, &paths) {
            staged.put_text(&ATTRIBUTES.parse()?, text)?;
        }
        Ok(())
    }

    /// Where the branch is; `None` for a `main` that has no commit yet.
    pub(super) fn branch_head(&self, branch: &str) -> Result<Option<ObjectId>, RepoError> {
        match self.named(&format!("refs/heads/{branch}"))? {
            Some(head) => Ok(Some(head)),
            None if branch == MAIN => Ok(None),
            None => Err(RepoError::RevisionNotFound(branch.to_owned())),
        }
    }

    /// Moves the branch from `old` to `new`, or not at all.
    pub(super) fn move_branch(
        &self,
        branch: &str,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<(), RepoError> {
        let actual = self.branch_head(branch)?;
        if actual != old {
            return Err(RepoError::Conflict {
                expected: old.map(revision).transpose()?,
                actual: actual.map(revision).transpose()?,
            });
        }
        // The name was found as a reference, or is `main`: it holds nothing that leaves the folder.
        self.set_ref(&format!("refs/heads/{branch}"), new)
    }
}

/// The refusal of a commit with too many operations, for those who count them as they arrive.
pub(super) fn too_many_operations(limit: usize) -> RepoError {
    RepoError::TooLarge(format!(
        "the commit has more than the {limit} operations allowed in one; split it"
    ))
}

pub(super) fn revision(id: ObjectId) -> Result<Revision, RepoError> {
    id.to_string()
        .parse()
        .map_err(|error| RepoError::Io(io::Error::other(error)))
}

fn commit_object(
    request: &CommitRequest,
    tree: ObjectId,
    parent: Option<ObjectId>,
) -> gix::objs::Commit {
    let author = signature(&request.author);
    gix::objs::Commit {
        tree,
        parents: parent.into_iter().collect(),
        committer: author.clone(),
        author,
        encoding: None,
        message: message(&request.title, &request.description).into(),
        extra_headers: Vec::new(),
    }
}

/// An account as git names people, now.
pub(super) fn signature(account: &str) -> gix::actor::Signature {
    // A line break or angle bracket would end the field inside the object.
    let name = account.replace(['<', '>', '\n', '\r', '\0'], "");
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| passed.as_secs().cast_signed());
    gix::actor::Signature {
        email: format!("{name}@users.noreply.invalid").into(),
        name: name.into(),
        time: gix::date::Time::new(seconds, 0),
    }
}

pub(super) fn message(title: &str, description: &str) -> String {
    let title = title.replace(['\n', '\r', '\0'], " ");
    let title = match title.trim() {
        "" => "Update files",
        title => title,
    };
    let description = description.replace('\0', "");
    match description.trim() {
        "" => format!("{title}\n"),
        description => format!("{title}\n\n{description}\n"),
    }
}
