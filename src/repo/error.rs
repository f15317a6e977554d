//! What can go wrong with a repository, and who is to read it.

use std::io;

use crate::domain::Revision;
use crate::ledger::Refused;

/// Why the repository did not do it. All but the last five are for the client.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// The Space has no repository on this server.
    #[error("the repository does not exist")]
    NoRepository,
    /// No branch, tag or commit of that name; an empty repository has none at all.
    #[error("the revision `{0}` does not exist")]
    RevisionNotFound(String),
    /// No file or folder of that path at that revision.
    #[error("the file `{0}` does not exist at this revision")]
    EntryNotFound(String),
    /// The request itself is wrong; the text says how and what is allowed.
    #[error("{0}")]
    Refused(String),
    /// Something has that name; the text says what.
    #[error("{0}")]
    Taken(String),
    /// The branch is no longer where the client said it is.
    #[error("{}", conflict_text(.expected.as_ref(), .actual.as_ref()))]
    Conflict {
        /// The parent the client named.
        expected: Option<Revision>,
        /// Where the branch is; `None` when it does not exist yet.
        actual: Option<Revision>,
    },
    /// More than the limits allow; the text names the limit.
    #[error("{0}")]
    TooLarge(String),
    /// The owner's quota of disk or files is used up. Nothing was changed.
    #[error("{}", .0.explain())]
    OverQuota(#[from] Refused),
    /// The server's disk has no room. Nothing was changed.
    #[error("the server's disk is full; nothing was changed")]
    DiskFull,
    /// The operator's: the disk gives errors, or was made read-only because of some.
    #[error("the server's disk has failed")]
    DiskFailed(#[source] io::Error),
    /// Our fault, or the operator's: git is not installed.
    #[error("git is not installed on the server")]
    NoGit,
    /// Our fault: the disk.
    #[error("the repository could not be read or written: {0}")]
    Io(#[source] io::Error),
    /// Our fault: what git found in the repository.
    #[error("the repository could not be read or written: {0}")]
    Git(#[source] Box<gix::Error>),
}

impl From<io::Error> for RepoError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // What was being received broke off; its reader says how.
            io::ErrorKind::ConnectionAborted => Self::Refused(error.to_string()),
            _ if is_full(&error) => Self::DiskFull,
            _ if has_failed(&error) => Self::DiskFailed(error),
            _ => Self::Io(error),
        }
    }
}

impl From<gix::Error> for RepoError {
    fn from(error: gix::Error) -> Self {
        let causes =
            std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        for cause in causes.filter_map(|cause| cause.downcast_ref::<io::Error>()) {
            if is_full(cause) {
                return Self::DiskFull;
            }
            if has_failed(cause) {
                return Self::DiskFailed(io::Error::other(error));
            }
        }
        Self::Git(Box::new(error))
    }
}

/// Whether there is no room: none on the disk, or none of it for this user.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Whether the disk itself is what is wrong.
fn has_failed(error: &io::Error) -> bool {
    let io = rustix::io::Errno::IO.raw_os_error();
    error.kind() == io::ErrorKind::ReadOnlyFilesystem || error.raw_os_error() == Some(io)
}

fn conflict_text(expected: Option<&Revision>, actual: Option<&Revision>) -> String {
    let name =
        |revision: Option<&Revision>| revision.map_or("no commit", Revision::as_str).to_owned();
    format!(
        "the commit's parent is {}, but the branch is at {}; fetch the branch and try again",
        name(expected),
        name(actual)
    )
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_disk_that_fails_is_told_from_one_that_is_full() {
        for errno in [Errno::IO, Errno::ROFS] {
            let error = RepoError::from(io::Error::from(errno));
            assert!(matches!(error, RepoError::DiskFailed(_)), "{error}");
        }
        let full = RepoError::from(io::Error::from(Errno::NOSPC));
        assert!(matches!(full, RepoError::DiskFull), "{full}");
        let other = RepoError::from(io::Error::from(Errno::ACCESS));
        assert!(matches!(other, RepoError::Io(_)), "{other}");
    }
}
