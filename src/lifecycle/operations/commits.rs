//! Commits, whoever makes them.

use super::to_the_end;
use crate::auth::Principal;
use crate::domain::{RepoKind, RepoUid, Revision, SpaceId};
use crate::lifecycle::{Lifecycle, LifecycleError};
use crate::repo::{CommitRequest, MAIN};

/// A commit that `main` has moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// The commit.
    pub head: Revision,
    /// Where `main` was; `None` before the first commit, or where that is not known.
    pub before: Option<Revision>,
    /// Who moved it; `None` where that is not known.
    pub by: Option<Principal>,
    /// The Space that it was copied from, if it was.
    pub copy_of: Option<SpaceId>,
}

// === impl Landing ===

impl Landing {
    /// What somebody, after a crash perhaps nobody knows who, has left at the head of `main`.
    pub(in crate::lifecycle) fn of_somebody(head: Revision) -> Self {
        Self {
            head,
            before: None,
            by: None,
            copy_of: None,
        }
    }
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Makes a commit, and acts on it if it is one to `main`. It goes on to its end when nobody waits for it any more, so
    /// that what landed is published.
    ///
    /// # Errors
    /// What the repository refuses, before anything is written; a repository that is gone.
    pub async fn commit(
        &self,
        kind: RepoKind,
        id: RepoUid,
        request: CommitRequest,
        by: Principal,
    ) -> Result<Revision, LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let lands = request.branch == MAIN;
            if lands {
                this.parts.store.check_writable().await?;
            }
            let head = this.parts.repos.commit(id, request).await?;
            if lands {
                let of = head.clone();
                let before = this.parts.repos.read(id, move |repo| repo.parent(&of));
                let landing = Landing {
                    before: before.await?,
                    head: head.clone(),
                    by: Some(by),
                    copy_of: None,
                };
                this.landed(kind, id, landing).await?;
            }
            Ok(head)
        })
        .await
    }
}
